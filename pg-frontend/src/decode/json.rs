//! Whether a text is JSON.
//!
//! Without recursion: a deeply nested text of a client must not end the stack.

/// Checks a whole text.
pub(crate) fn is_valid(text: &[u8]) -> bool {
    let mut reader = Reader { text, at: 0 };
    let mut open: Vec<u8> = Vec::new();
    loop {
        // A value begins here.
        reader.skip_space();
        match reader.next() {
            Some(bracket @ (b'{' | b'[')) => {
                reader.skip_space();
                if reader.take(bracket + 2) {
                    // Empty; what follows is as behind any value.
                } else {
                    open.push(bracket);
                    if bracket == b'{' && !reader.key() {
                        return false;
                    }
                    continue;
                }
            }
            Some(b'"') if reader.string() => {}
            Some(b't') if reader.word(b"rue") => {}
            Some(b'f') if reader.word(b"alse") => {}
            Some(b'n') if reader.word(b"ull") => {}
            Some(first @ (b'-' | b'0'..=b'9')) if reader.number(first) => {}
            _ => return false,
        }
        // A value ended here: brackets may close, or the next value follows.
        loop {
            reader.skip_space();
            let Some(bracket) = open.last().copied() else { return reader.at == text.len() };
            match reader.next() {
                Some(b',') => {
                    if bracket == b'{' && !reader.key() {
                        return false;
                    }
                    break;
                }
                Some(closing) if closing == bracket + 2 => {
                    open.pop();
                }
                _ => return false,
            }
        }
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, rest: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(rest);
        self.at += rest.len();
        found
    }

    /// A key and its colon.
    fn key(&mut self) -> bool {
        self.skip_space();
        let found = self.take(b'"') && self.string();
        self.skip_space();
        found && self.take(b':')
    }

    /// A string behind its opening quote.
    fn string(&mut self) -> bool {
        loop {
            match self.next() {
                Some(b'"') => return true,
                Some(b'\\') => match self.next() {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                    Some(b'u') => {
                        if !(0..4).all(|_| self.next().is_some_and(|byte| byte.is_ascii_hexdigit())) {
                            return false;
                        }
                    }
                    _ => return false,
                },
                Some(0x20..) => {}
                _ => return false,
            }
        }
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > start
    }

    /// A number behind its first byte.
    fn number(&mut self, first: u8) -> bool {
        let first = if first == b'-' { self.next() } else { Some(first) };
        match first {
            Some(b'0') => {}
            Some(b'1'..=b'9') => {
                self.digits();
            }
            _ => return false,
        }
        if self.take(b'.') && !self.digits() {
            return false;
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            return self.digits();
        }
        // `01` and `1x` are no numbers.
        !self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric())
    }
}
