//! Carries a W3C trace context through a call.

use std::{fmt, str::FromStr, sync::Arc};

/// The longest `tracestate` that is carried on, in bytes; what is longer is left out as the recommendation allows.
const LONGEST_STATE: usize = 512;

/// The place of a call in a distributed trace, as [W3C Trace Context](https://www.w3.org/TR/trace-context/) defines it: what came in the
/// headers `traceparent` and `tracestate`, and goes out in them again.
///
/// Parsed from and written as the value of `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    trace: [u8; 16],
    parent: [u8; 8],
    flags: u8,
    state: Option<Arc<str>>,
}

/// Why a text is not a `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; give a traceparent such as 00-<32 hexadecimal digits>-<16 hexadecimal digits>-01 (W3C Trace Context 3.2)"
)]
pub struct TraceError(&'static str);

impl Trace {
    /// The id of the whole trace.
    #[must_use]
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace
    }

    /// The id of the span that made the call.
    #[must_use]
    pub fn parent_id(&self) -> [u8; 8] {
        self.parent
    }

    /// Whether the caller may have recorded it.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 != 0
    }

    /// The same trace with a span of the receiver's own as the parent of what comes next. An id of all zeros is invalid, and changes
    /// nothing.
    #[must_use]
    pub fn with_parent(self, parent: [u8; 8]) -> Self {
        if parent == [0; 8] { self } else { Self { parent, ..self } }
    }

    /// The value of `tracestate`, if there is one.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The same with this `tracestate`. One of more than 512 bytes or with other characters than printable ASCII is left out.
    #[must_use]
    pub fn with_state(self, state: &str) -> Self {
        let fits = |state: &&str| {
            !state.is_empty()
                && state.len() <= LONGEST_STATE
                && state.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
        };
        Self { state: Some(state).filter(fits).map(Arc::from), ..self }
    }
}

impl FromStr for Trace {
    type Err = TraceError;

    /// Reads a `traceparent` of version 00, or what that version defines of one of a higher version.
    fn from_str(text: &str) -> Result<Self, TraceError> {
        let bytes = text.as_bytes();
        let is_longer = bytes.len() > 55;
        if bytes.len() < 55
            || [2, 35, 52].iter().any(|at| bytes[*at] != b'-')
            || (is_longer && bytes[55] != b'-')
        {
            return Err(TraceError("it does not have four fields of 2, 32, 16 and 2 characters"));
        }
        let [version]: [u8; 1] = hexadecimal(&bytes[..2])?;
        let (trace, parent) = (hexadecimal(&bytes[3..35])?, hexadecimal(&bytes[36..52])?);
        let [flags] = hexadecimal(&bytes[53..55])?;
        match version {
            0xff => Err(TraceError("its version is ff")),
            0 if is_longer => Err(TraceError("it goes on after the fields of version 00")),
            _ if trace == [0; 16] || parent == [0; 8] => Err(TraceError("an id of it is all zeros")),
            // Of the flags, one is defined.
            _ => Ok(Self { trace, parent, flags: flags & 1, state: None }),
        }
    }
}

/// Reads lower-case hexadecimal digits, of which there are two for each byte.
fn hexadecimal<const LENGTH: usize>(digits: &[u8]) -> Result<[u8; LENGTH], TraceError> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(TraceError("it has a character that is no lower-case hexadecimal digit")),
    };
    let mut bytes = [0; LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hexadecimal = |f: &mut fmt::Formatter<'_>, bytes: &[u8]| {
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        };
        f.write_str("00-")?;
        hexadecimal(f, &self.trace)?;
        f.write_str("-")?;
        hexadecimal(f, &self.parent)?;
        write!(f, "-{:02x}", self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_came_in_goes_out() {
        let trace: Trace = GOOD.parse().unwrap();
        assert_eq!((trace.to_string().as_str(), trace.is_sampled(), trace.state()), (GOOD, true, None));
        let trace = trace.with_state("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
        assert_eq!(trace.state(), Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
        let own = trace.with_parent([7; 8]);
        assert_eq!(own.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01");
        assert!(own.state().is_some());
        // Flags that nobody has defined yet are not handed on.
        let other = GOOD.replace("-01", "-ff").parse::<Trace>().unwrap();
        assert_eq!(other.to_string(), GOOD);
    }

    #[test]
    fn a_higher_version_is_read_as_far_as_it_is_known() {
        for text in [GOOD.replacen("00", "cc", 1), format!("{}-what-comes", GOOD.replacen("00", "cc", 1))] {
            assert_eq!(text.parse::<Trace>().unwrap().to_string(), GOOD);
        }
    }

    #[test]
    fn what_is_no_trace_parent_is_refused() {
        let bad = [
            String::new(),
            GOOD[..54].to_owned(),
            GOOD.to_uppercase(),
            format!("{GOOD}-more"),
            format!("{GOOD}0"),
            GOOD.replacen("00", "ff", 1),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            GOOD.replace('f', "g"),
            GOOD.replace('-', "_"),
            GOOD.replace("4b", "é"),
        ];
        for text in bad {
            assert!(text.parse::<Trace>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_state_that_does_not_fit_is_left_out() {
        let trace = || GOOD.parse::<Trace>().unwrap();
        for state in ["", "a=\r\nb", "a=\u{e9}", &"x".repeat(513)] {
            assert_eq!(trace().with_state(state).state(), None, "{state:?}");
        }
        assert!(trace().with_state(&"x".repeat(512)).state().is_some());
        assert_eq!(trace().with_parent([0; 8]), trace());
    }
}
