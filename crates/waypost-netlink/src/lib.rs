//! The rtnetlink backend of Waypost.
