//! Models the guest, and does the same in a memory of its own.

use crate::{
    Function, Kind,
    program::{Extra, OPERATION, PROGRAM, RESULTS, WIDE, WIDE_TEXT, WORDS, WORDS_AT},
};

const PAGE: usize = 65_536;

/// How a run of the guest ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// It returned this.
    Returned(u32),
    /// It trapped.
    Trapped,
    /// It passed an address or length outside of its memory.
    BadAddress,
    /// It passed a name that is not UTF-8.
    NotUtf8,
    /// It passed a name that is too long.
    NameTooLong,
    /// The host's handler panicked.
    HandlerPanicked,
    /// It aborted, with this message and file, at this line and column.
    Aborted(Option<String>, Option<String>, u32, u32),
    /// It exited with this code.
    Exited(u32),
}

/// What the host functions do, in the model.
pub trait Host {
    /// Carries out the import of this index.
    ///
    /// # Errors
    /// How the run ends.
    fn call(&mut self, memory: &mut Memory, index: usize, arguments: &[u64]) -> Result<Option<u64>, Ending>;
}

/// A guest's memory.
#[derive(Debug, Clone)]
pub struct Memory(Vec<u8>);

impl Memory {
    /// The bytes there, unless they do not all lie inside. None at all lie anywhere.
    ///
    /// # Errors
    /// [`Ending::BadAddress`].
    pub fn read(&self, address: u64, length: u64) -> Result<&[u8], Ending> {
        if length == 0 {
            return Ok(&[]);
        }
        let end = usize::try_from(address + length).map_err(|_| Ending::BadAddress)?;
        self.0.get(address as usize..end).ok_or(Ending::BadAddress)
    }

    /// Writes bytes there, when they all fit.
    ///
    /// # Errors
    /// [`Ending::BadAddress`].
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Ending> {
        self.read(address, bytes.len() as u64)?;
        if !bytes.is_empty() {
            self.0[address as usize..][..bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }

    /// A number as a guest keeps it.
    ///
    /// # Errors
    /// [`Ending::BadAddress`].
    pub fn number(&self, address: u64, size: u64) -> Result<u64, Ending> {
        Ok(self.read(address, size)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The first page.
    #[must_use]
    pub fn first_page(&self) -> &[u8] {
        &self.0[..PAGE]
    }
}

/// A fresh instance of the guest.
pub struct Machine<'a> {
    functions: &'a [Function],
    /// Its memory.
    pub memory: Memory,
    /// The most pages that it may have.
    limit: usize,
    /// Whether it was refused memory.
    pub refused: bool,
    /// Whether it came to the end of its program.
    pub finished: bool,
    results: u64,
}

impl<'a> Machine<'a> {
    /// A guest that imports these functions and may have so many pages of memory.
    #[must_use]
    pub fn new(functions: &'a [Function], limit: usize) -> Self {
        let mut memory = vec![0; PAGE];
        for (address, bytes) in [(WORDS_AT, WORDS), (WIDE_TEXT - 4, WIDE)] {
            memory[address as usize..][..bytes.len()].copy_from_slice(bytes);
        }
        Self {
            functions,
            memory: Memory(memory),
            limit,
            refused: false,
            finished: false,
            results: u64::from(RESULTS),
        }
    }

    /// Calls the guest.
    pub fn run(&mut self, operation: &[u8], program: &[u8], host: &mut impl Host) -> Ending {
        self.follow(operation, program, host).unwrap_or_else(|ending| ending)
    }

    fn follow(&mut self, operation: &[u8], program: &[u8], host: &mut impl Host) -> Result<Ending, Ending> {
        self.memory.write(OPERATION.into(), operation)?;
        self.memory.write(PROGRAM.into(), program)?;
        let end = u64::from(PROGRAM) + program.len() as u64;
        let mut at = u64::from(PROGRAM);
        while at < end {
            let opcode = self.load(at, 1)? as usize % (self.functions.len() + Extra::ALL.len());
            let functions = self.functions;
            at += 1 + 8 * match functions.get(opcode) {
                Some(function) => self.import(opcode, function, at, host)?,
                None => match self.own(Extra::ALL[opcode - functions.len()], at)? {
                    Ok(parameters) => parameters,
                    Err(returned) => return Ok(Ending::Returned(returned)),
                },
            };
        }
        self.finished = true;
        Ok(Ending::Returned(1))
    }

    /// Carries out an import and tells how many parameters it has.
    fn import(
        &mut self,
        index: usize,
        function: &Function,
        at: u64,
        host: &mut impl Host,
    ) -> Result<u64, Ending> {
        let places = function.parameters.iter().zip(0..);
        let arguments: Result<Vec<_>, _> =
            places.map(|(kind, place)| self.load(at + 1 + 8 * place, kind.size())).collect();
        let result = host.call(&mut self.memory, index, &arguments?)?;
        assert_eq!(result.is_some(), function.result.is_some(), "{function:?}");
        if let (Some(number), Some(kind)) = (result, function.result) {
            self.keep(number, kind)?;
        }
        Ok(function.parameters.len() as u64)
    }

    /// Does what needs no host: tells how many parameters it had, or else with what the guest returns.
    fn own(&mut self, extra: Extra, at: u64) -> Result<Result<u64, u32>, Ending> {
        let argument = |machine: &Self, place: u64| machine.load(at + 1 + 8 * place, 4);
        match extra {
            Extra::Grow => {
                let answer = self.grow(argument(self, 0)? as usize);
                self.keep(u64::from(answer), Kind::I32)?;
            }
            Extra::Fill => {
                let (start, byte, length) = (argument(self, 0)?, argument(self, 1)?, argument(self, 2)?);
                let (start, length) = (start as usize, length as usize);
                self.memory.0.get_mut(start..start + length).ok_or(Ending::Trapped)?.fill(byte as u8);
            }
            Extra::Return => return Ok(Err(argument(self, 0)? as u32)),
            Extra::Trap => return Err(Ending::Trapped),
        }
        Ok(Ok(extra.parameters() as u64))
    }

    fn grow(&mut self, pages: usize) -> u32 {
        let before = self.memory.0.len() / PAGE;
        if before + pages > self.limit {
            self.refused = true;
            return u32::MAX;
        }
        self.memory.0.resize((before + pages) * PAGE, 0);
        before as u32
    }

    fn load(&self, address: u64, size: u64) -> Result<u64, Ending> {
        self.memory.number(address, size).map_err(|_| Ending::Trapped)
    }

    fn keep(&mut self, number: u64, kind: Kind) -> Result<(), Ending> {
        let bytes = &number.to_le_bytes()[..kind.size() as usize];
        self.memory.write(self.results, bytes).map_err(|_| Ending::Trapped)?;
        self.results += kind.size();
        Ok(())
    }
}
