//! The rtnetlink backend against the kernel.

use std::process::ExitCode;

use waypost_tests::ip::ip;
use waypost_tests::namespace::run;
use waypost_tests::test;

fn a_new_namespace_has_one_interface() {
    assert_eq!(ip("-o link show").lines().count(), 1);
}

fn main() -> ExitCode {
    run(&[test!(a_new_namespace_has_one_interface)])
}
