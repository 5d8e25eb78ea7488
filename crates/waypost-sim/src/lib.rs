//! A kernel in memory for testing what is built on Waypost.
