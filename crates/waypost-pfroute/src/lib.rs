//! The PF_ROUTE backend of Waypost.
