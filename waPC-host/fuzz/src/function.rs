//! Lists the host functions that a guest imports, as a table.

/// The type of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
    /// A float of 64 bits.
    F64,
}

/// One import.
#[derive(Debug, Clone)]
pub struct Function {
    /// The module that it is imported from.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The types of its parameters.
    pub parameters: Vec<Kind>,
    /// The type of its result, where it has one.
    pub result: Option<Kind>,
}

impl Function {
    /// A function of this signature: `i`, `I` and `F` for the parameters' types (32 bits, 64 bits, float), then `>` and the
    /// result's type where there is a result.
    ///
    /// # Panics
    /// When the signature has any other letter.
    #[must_use]
    pub fn new(module: &'static str, name: &'static str, signature: &str) -> Self {
        let (parameters, result) = signature.split_once('>').unwrap_or((signature, ""));
        let kinds = |letters: &str| letters.chars().map(Kind::of).collect::<Vec<_>>();
        Self { module, name, parameters: kinds(parameters), result: kinds(result).first().copied() }
    }
}

impl Kind {
    fn of(letter: char) -> Self {
        match letter {
            'i' => Self::I32,
            'I' => Self::I64,
            'F' => Self::F64,
            other => panic!("no type is called {other}"),
        }
    }

    /// The name that WebAssembly has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F64 => "f64",
        }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(self) -> u64 {
        if self == Self::I32 { 4 } else { 8 }
    }
}
