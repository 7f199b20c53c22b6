//! Reads HTTP/1.1 requests a second time, line by line, and takes more for a request than a server may.

/// The head of a request in the bytes of a connection.
#[derive(Debug)]
pub struct RequestHead<'a> {
    pub method: &'a [u8],
    pub target: &'a [u8],
    pub version: &'a [u8],
    fields: Vec<(&'a [u8], &'a [u8])>,
    /// Where in the bytes it ends, the empty line included.
    pub end: usize,
}

impl<'a> RequestHead<'a> {
    /// Reads the head that begins at an offset, behind empty lines; none where there is none with an end.
    pub fn read(bytes: &'a [u8], from: usize) -> Option<Self> {
        let mut at = from;
        let mut next = || {
            let rest = bytes.get(at..)?;
            let length = rest.iter().position(|byte| *byte == b'\n')?;
            at += length + 1;
            let line = &rest[..length];
            Some((line.strip_suffix(b"\r").unwrap_or(line), at))
        };
        let mut request = next()?;
        while request.0.is_empty() {
            request = next()?;
        }
        let mut words = request.0.split(|byte| *byte == b' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        let mut fields = Vec::new();
        loop {
            let (line, end) = next()?;
            if line.is_empty() {
                return Some(Self { method, target, version, fields, end });
            }
            let colon = line.iter().position(|byte| *byte == b':')?;
            fields.push((&line[..colon], line[colon + 1..].trim_ascii()));
        }
    }

    /// The values of all lines of a name.
    pub fn values(&self, name: &str) -> Vec<&'a [u8]> {
        let of_name = |field: &&(&[u8], &[u8])| field.0.eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().filter(of_name).map(|field| field.1).collect()
    }

    /// The host of a target that is a URI.
    pub fn authority(&self) -> Option<&'a [u8]> {
        let at = self.target.windows(3).position(|window| window == b"://")?;
        if self.target[..at].contains(&b'/') || self.target[..at].contains(&b'?') {
            return None;
        }
        let rest = &self.target[at + 3..];
        let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        Some(&rest[..end])
    }
}

/// Whether a text could be a host with or without a port: of the characters that may stand in one, with a port of digits behind the last
/// colon, if there is one outside of brackets.
pub fn may_be_a_host(text: &[u8]) -> bool {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(byte);
    let behind_brackets = text.rsplit(|byte| *byte == b']').next().unwrap_or_default();
    let mut parts = behind_brackets.rsplitn(2, |byte| *byte == b':');
    let port = parts.next().filter(|_| parts.next().is_some());
    text.iter().all(known) && port.is_none_or(|port| port.iter().all(u8::is_ascii_digit))
}
