//! The path of a request as segments.
//!
//! Slashes in a row count as one (the Azure CLI sends such paths). Each segment is percent-decoded exactly once;
//! one that then holds what a segment cannot hold is refused, so that no encoding reaches another resource than
//! the one that was authorized.

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
    path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect()
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
    let text = String::from_utf8(bytes).map_err(|_| PathError::BadEncoding)?;
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
    fn tricks_are_refused() {
        for (path, error) in [
            ("/a%2Fb", PathError::BadCharacter),
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
