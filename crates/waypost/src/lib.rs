//! A true picture of the operating system's routing tables.
