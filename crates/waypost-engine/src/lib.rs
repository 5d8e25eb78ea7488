//! The routing-table mirror of Waypost, without input or output.
