//! For which system a program is, by its headers: so that what a linker leaves behind is what was asked for.

/// What a system's programs begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Image {
    /// ELF with pointers of 64 bits, of x86-64, whose interpreter is this.
    Elf(&'static str),
    /// Mach-O with pointers of 64 bits, of arm64.
    MachO,
}

const EM_X86_64: u64 = 62;
const PT_INTERP: u64 = 3;
/// ET_EXEC and ET_DYN: the latter is a program that runs at any address, if it has an interpreter.
const ET: [u64; 2] = [2, 3];
const CPU_TYPE_ARM64: u64 = 0x0100_000c;
const MH_EXECUTE: u64 = 2;

impl Image {
    /// Says what is wrong with a file that should be such a program.
    pub(crate) fn check(self, bytes: &[u8]) -> Result<(), String> {
        match self {
            Self::Elf(interpreter) => {
                let is_elf = bytes.starts_with(b"\x7fELF\x02\x01");
                if !is_elf || !ET.map(Some).contains(&number(bytes, 16, 2)) || number(bytes, 18, 2) != Some(EM_X86_64) {
                    return Err("it is no ELF program of x86-64".to_owned());
                }
                match found_interpreter(bytes) {
                    Some(found) if found == interpreter.as_bytes() => Ok(()),
                    Some(found) => Err(format!("its interpreter is {}, not {interpreter}", String::from_utf8_lossy(found))),
                    None => Err(format!("it has no interpreter, which should be {interpreter}")),
                }
            }
            Self::MachO => {
                let is_program = bytes.starts_with(b"\xcf\xfa\xed\xfe") && number(bytes, 12, 4) == Some(MH_EXECUTE);
                let is_arm = number(bytes, 4, 4) == Some(CPU_TYPE_ARM64);
                if is_program && is_arm { Ok(()) } else { Err("it is no Mach-O program of arm64".to_owned()) }
            }
        }
    }
}

/// A number of so many bytes, the least significant first.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let place = bytes.get(at..at.checked_add(width)?)?;
    Some(place.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// The program that starts an ELF program: `Elf64_Ehdr` and `Elf64_Phdr` of elf(5).
fn found_interpreter(bytes: &[u8]) -> Option<&[u8]> {
    let at = |offset, width| number(bytes, offset, width).and_then(|value| usize::try_from(value).ok());
    let (start, size, count) = (at(32, 8)?, at(54, 2)?, at(56, 2)?);
    let headers = (0..count).filter_map(|nth| start.checked_add(size.checked_mul(nth)?));
    let header = headers.into_iter().find(|&header| number(bytes, header, 4) == Some(PT_INTERP))?;
    let (offset, length) = (at(header.checked_add(8)?, 8)?, at(header.checked_add(32)?, 8)?);
    bytes.get(offset..offset.checked_add(length)?)?.split(|&byte| byte == 0).next()
}

#[cfg(test)]
mod tests {
    use super::Image;

    const LD: Image = Image::Elf("/usr/libexec/ld.so");

    /// The headers of a program with one segment, which names this interpreter.
    fn elf(interpreter: &str) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let length = u8::try_from(interpreter.len() + 1).unwrap();
        for (at, value) in [(16, 3), (18, 62), (32, 64), (54, 56), (56, 1), (64, 3), (64 + 8, 120), (64 + 32, length)] {
            bytes[at] = value;
        }
        bytes.extend(interpreter.as_bytes());
        bytes.push(0);
        bytes
    }

    fn mach_o() -> Vec<u8> {
        let mut bytes = vec![0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1];
        bytes.extend([0, 0, 0, 0, 2, 0, 0, 0]);
        bytes
    }

    #[test]
    fn a_program_is_known_by_its_headers() {
        assert_eq!(LD.check(&elf("/usr/libexec/ld.so")), Ok(()));
        assert_eq!(Image::MachO.check(&mach_o()), Ok(()));
        let error = LD.check(&elf("/lib64/ld-linux-x86-64.so.2")).unwrap_err();
        assert_eq!(error, "its interpreter is /lib64/ld-linux-x86-64.so.2, not /usr/libexec/ld.so");
        assert!(LD.check(&mach_o()).is_err() && Image::MachO.check(&elf("/usr/libexec/ld.so")).is_err());
    }

    #[test]
    fn what_is_cut_or_of_another_kind_is_none() {
        let whole = elf("/usr/libexec/ld.so");
        for length in 0..whole.len() - 1 {
            assert!(LD.check(&whole[..length]).is_err(), "{length}");
        }
        for (at, value) in [(4, 1), (16, 1), (18, 183), (64, 1), (32, 0xff)] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            assert!(LD.check(&bytes).is_err(), "byte {at}");
        }
        for at in [0, 4, 12] {
            let mut bytes = mach_o();
            bytes[at] ^= 1;
            assert!(Image::MachO.check(&bytes).is_err(), "byte {at}");
        }
    }
}
