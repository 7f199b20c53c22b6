//! Reads programs: what a payload tells the guest to do.
//!
//! An instruction is a byte, taken modulo the number of instructions, and eight bytes for each of its parameters. The first
//! instructions are the imports, then come those of [`Extra`].

use arbitrary::Arbitrary;

use crate::Function;

/// Where the guest has the host put the operation, and the program.
pub(crate) const OPERATION: u32 = 1024;
pub(crate) const PROGRAM: u32 = 2048;
/// Where the results of the imports go, one after the other.
pub(crate) const RESULTS: u32 = 60_000;
/// Where the words lie that programs may point at, and what they are.
pub(crate) const WORDS_AT: u32 = 256;
pub(crate) const WORDS: &[u8] = b"nest|fail|panic|large|empty|namespace!operation|one\ntwo|\xff\xfe|";
/// Where there is a text as AssemblyScript lays it out: its length is just before.
pub const WIDE_TEXT: u32 = 516;
pub(crate) const WIDE: &[u8] = b"\x06\0\0\0h\0\x00\xd8i\0";

/// What a guest does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    /// Grows the memory by some pages.
    Grow,
    /// Fills memory from an address with a byte, so many times.
    Fill,
    /// Returns from its call with this.
    Return,
    /// Traps.
    Trap,
}

impl Extra {
    pub(crate) const ALL: [Self; 4] = [Self::Grow, Self::Fill, Self::Return, Self::Trap];

    pub(crate) fn parameters(self) -> usize {
        match self {
            Self::Fill => 3,
            Self::Grow | Self::Return => 1,
            Self::Trap => 0,
        }
    }
}

/// An instruction, in a form that often means something.
#[derive(Debug, Clone, Arbitrary)]
pub struct Step {
    opcode: u8,
    operands: Vec<Operand>,
}

/// One parameter, or an address and a length in one.
#[derive(Debug, Clone, Arbitrary)]
pub enum Operand {
    /// A small number.
    Small(u8),
    /// An address in the first page.
    Inside(u16),
    /// An address near the end of the first page.
    Edge(i8),
    /// An address in the program itself.
    Program(u8),
    /// The end of some page.
    Page(u8),
    /// Anything.
    Any(u64),
    /// A word: its address and its length.
    Word(u8),
    /// A stretch of the program: its address and its length.
    Stretch(u8, u8),
    /// The address of a text in UTF-16.
    Wide,
    /// Eight bytes, such as a buffer's address and length, for others to point at.
    Pair(u16, u16),
}

impl Operand {
    fn write(&self, numbers: &mut Vec<u64>) {
        match self {
            Self::Small(number) => numbers.push(u64::from(*number)),
            Self::Inside(address) => numbers.push(u64::from(*address)),
            Self::Edge(distance) => numbers.push(65_536_u64.saturating_add_signed(i64::from(*distance))),
            Self::Program(distance) => numbers.push(u64::from(PROGRAM) + u64::from(*distance)),
            Self::Page(page) => numbers.push(u64::from(*page) << 16),
            Self::Any(number) => numbers.push(*number),
            Self::Word(which) => {
                let words: Vec<_> = WORDS.split_inclusive(|byte| *byte == b'|').collect();
                let which = usize::from(*which) % words.len();
                let before: usize = words[..which].iter().map(|word| word.len()).sum();
                numbers.extend([u64::from(WORDS_AT) + before as u64, words[which].len() as u64 - 1]);
            }
            Self::Stretch(start, length) => {
                numbers.extend([u64::from(PROGRAM) + u64::from(*start), u64::from(*length)]);
            }
            Self::Wide => numbers.push(u64::from(WIDE_TEXT)),
            Self::Pair(address, length) => numbers.push(u64::from(*length) << 32 | u64::from(*address)),
        }
    }
}

/// The bytes of a program for a guest that imports these functions.
#[must_use]
pub fn program(functions: &[Function], steps: &[Step]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for step in steps {
        let mut numbers = Vec::new();
        step.operands.iter().for_each(|operand| operand.write(&mut numbers));
        numbers.resize(parameters(functions, step.opcode), 0);
        bytes.push(step.opcode);
        numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    }
    bytes
}

/// How many parameters the instruction has.
fn parameters(functions: &[Function], opcode: u8) -> usize {
    let index = usize::from(opcode) % (functions.len() + Extra::ALL.len());
    match functions.get(index) {
        Some(function) => function.parameters.len(),
        None => Extra::ALL[index - functions.len()].parameters(),
    }
}
