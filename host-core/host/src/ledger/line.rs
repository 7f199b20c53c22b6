//! Reads and writes the lines of a ledger: text of one length, closed by a checksum.

use capability_provider::ActorId;
use crc::{CRC_32_ISO_HDLC, Crc};

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// What all ledgers begin with.
const HEADER: &str = "wascc revision ledger 1: the highest revision of each module that ran";

/// A key has 56 characters, a revision 11 with its sign, a checksum 8; with two spaces and the end of the line.
pub(super) const LENGTH: usize = 56 + 1 + 11 + 1 + 8 + 1;

/// The first line.
pub(super) fn header() -> Vec<u8> {
    format!("{HEADER:<width$}\n", width = LENGTH - 1).into_bytes()
}

/// A line that says nothing yet.
pub(super) fn empty() -> Vec<u8> {
    format!("{:-<width$}\n", "", width = LENGTH - 1).into_bytes()
}

/// The line that says that this revision of a module is the highest.
pub(super) fn of(module: &str, revision: i32) -> Vec<u8> {
    let said = format!("{module} {revision:+011}");
    let checksum = CHECKSUM.checksum(said.as_bytes());
    format!("{said} {checksum:08x}\n").into_bytes()
}

/// What a line says, when it is whole.
pub(super) fn parse(line: &[u8]) -> Option<(&str, i32)> {
    let text = str::from_utf8(line).ok()?;
    let (module, rest) = text.split_once(' ')?;
    let (revision, _) = rest.split_once(' ')?;
    let revision = revision.parse().ok()?;
    (ActorId::has_form_of(module) && of(module, revision) == line).then_some((module, revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_one_length_and_come_back_whole() {
        let module = &format!("M{}", "A".repeat(55));
        for revision in [i32::MIN, -1, 0, 1, i32::MAX] {
            let line = of(module, revision);
            assert_eq!((line.len(), parse(&line)), (LENGTH, Some((module.as_str(), revision))));
            for at in 0..line.len() {
                let mut changed = line.clone();
                changed[at] ^= 1;
                assert_eq!(parse(&changed), None, "{at}");
            }
        }
        for other in [header(), empty()] {
            assert_eq!((other.len(), parse(&other)), (LENGTH, None));
        }
        assert_eq!(parse(&of(&"A".repeat(56), 1)), None, "that is no module");
    }
}
