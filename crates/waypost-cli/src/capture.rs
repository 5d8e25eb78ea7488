//! `waypost capture`: writes down what the native socket says.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use waypost::{Capture, ErrorKind};

use crate::failure::{Failure, complain};
use crate::invocation::Invocation;

/// Writes until it is interrupted. The header is written as soon as everything that comes will be.
pub(crate) fn run(invocation: &Invocation, file: &Path) -> Result<(), Failure> {
    let is_output = file.as_os_str() == "-";
    let failed = |error| match is_output {
        true => Failure::from(error),
        false => Failure::Io(file.display().to_string(), error),
    };
    let mut capture = Capture::open(&invocation.options().neighbours(true))?;
    let mut to: Box<dyn Write> = if is_output { Box::new(io::stdout()) } else { Box::new(File::create(file).map_err(failed)?) };
    let mut bytes = Capture::header().into_bytes();
    loop {
        to.write_all(&bytes).and_then(|()| to.flush()).map_err(failed)?;
        bytes.clear();
        capture.wait(None)?;
        match capture.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::Busy => complain(&Failure::Refused(error)),
            read => read?,
        }
    }
}
