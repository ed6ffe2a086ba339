//! The path of a request as segments.
//!
//! Slashes in a row count as one (the Azure CLI sends such paths). Each segment is percent-decoded exactly once;
//! one that then holds what a segment cannot hold is refused, so that no encoding reaches another resource than
//! the one that was authorized. The first segment alone may be a whole scope with its slashes encoded: that is how
//! the lock client of Azure's Python SDK writes `{scope}`, and what is authorized is what is decoded here.

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    /// `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("a percent-encoded character is malformed")]
    BadEncoding,
    /// A slash, a backslash or a control character inside a segment.
    #[error("a segment holds a slash, a backslash or a control character")]
    BadCharacter,
    /// `.` or `..`
    #[error("a segment is '.' or '..'")]
    Dots,
}

/// The decoded segments of a raw path.
///
/// # Errors
/// [`PathError`].
pub(crate) fn segments(path: &str) -> Result<Vec<String>, PathError> {
    let mut raw = path.split('/').filter(|segment| !segment.is_empty());
    let mut segments = Vec::new();
    if let Some(first) = raw.next() {
        let decoded = decode(first)?;
        for part in decoded.split('/').filter(|part| !part.is_empty()) {
            segments.push(checked(part.to_owned())?);
        }
    }
    for segment in raw {
        segments.push(checked(decode(segment)?)?);
    }
    Ok(segments)
}

fn decode(segment: &str) -> Result<String, PathError> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(PathError::BadEncoding);
        };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| PathError::BadEncoding)?);
    }
    String::from_utf8(bytes).map_err(|_| PathError::BadEncoding)
}

fn checked(text: String) -> Result<String, PathError> {
    if text == "." || text == ".." {
        return Err(PathError::Dots);
    }
    if text.chars().any(|c| c == '/' || c == '\\' || c.is_control()) {
        return Err(PathError::BadCharacter);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_collapse_and_segments_are_decoded_once() {
        assert_eq!(segments("//a///b/").unwrap(), ["a", "b"]);
        assert_eq!(segments("/").unwrap(), Vec::<String>::new());
        assert_eq!(segments("/r%C3%BCck%20grat").unwrap(), ["rück grat"]);
        assert_eq!(segments("/a%2562").unwrap(), ["a%62"]);
    }

    #[test]
    fn a_scope_may_come_as_one_segment() {
        assert_eq!(segments("/%2Fa%2Fb%20c/providers/d").unwrap(), ["a", "b c", "providers", "d"]);
        assert_eq!(segments("/a%2Fb%252Fc").unwrap(), ["a", "b%2Fc"], "decoded once");
        assert_eq!(segments("/%2F/providers").unwrap(), ["providers"]);
    }

    #[test]
    fn tricks_are_refused() {
        for (path, error) in [
            ("/x/a%2Fb", PathError::BadCharacter),
            ("/%2Fsubscriptions%2F..%2Fb", PathError::Dots),
            ("/%2Fsubscriptions%2Fa%5Cb", PathError::BadCharacter),
            ("/a%5cb", PathError::BadCharacter),
            ("/a%00", PathError::BadCharacter),
            ("/a\u{7}", PathError::BadCharacter),
            ("/%2e%2E/a", PathError::Dots),
            ("/a/../b", PathError::Dots),
            ("/a/./b", PathError::Dots),
            ("/%", PathError::BadEncoding),
            ("/%4", PathError::BadEncoding),
            ("/%zz", PathError::BadEncoding),
            ("/%ff", PathError::BadEncoding),
        ] {
            assert_eq!(segments(path), Err(error), "{path}");
        }
    }
}
