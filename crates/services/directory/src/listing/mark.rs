//! Where a page ended, as a text that clients send back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_names::ObjectId;
use gatepost_store::directory::Key;

use crate::DirectoryError;

/// The last object of a page: its id, and its value of what the list is ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) key: Key,
    pub(crate) id: ObjectId,
}

impl Mark {
    /// Of a list that is ordered by object id.
    pub(crate) fn by_id(id: ObjectId) -> Mark {
        Mark { key: Key::Text(String::new()), id }
    }

    /// Reads a mark.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidPageToken`].
    pub(crate) fn parse(text: &str) -> Result<Mark, DirectoryError> {
        let invalid = || DirectoryError::InvalidPageToken;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let (id, rest) = bytes.split_at_checked(16).ok_or_else(invalid)?;
        let id = ObjectId::from_bytes(id).ok_or_else(invalid)?;
        let key = match rest.split_first() {
            Some((b't', text)) => Key::Text(String::from_utf8(text.to_vec()).map_err(|_| invalid())?),
            Some((b'n', number)) => {
                Key::Number(i64::from_be_bytes(number.try_into().map_err(|_| invalid())?))
            }
            _ => return Err(invalid()),
        };
        Ok(Mark { key, id })
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = self.id.bytes().to_vec();
        match &self.key {
            Key::Text(text) => {
                bytes.push(b't');
                bytes.extend_from_slice(text.as_bytes());
            }
            Key::Number(number) => {
                bytes.push(b'n');
                bytes.extend_from_slice(&number.to_be_bytes());
            }
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_its_text_and_no_text_breaks_it() {
        let id = ObjectId(uuid::Uuid::new_v4());
        for key in [Key::Text("größe".to_owned()), Key::Number(-7)] {
            let mark = Mark { key, id };
            assert_eq!(Mark::parse(&mark.to_string()).unwrap(), mark);
        }
        for bytes in [&[0xff; 20][..], &[0; 15], &[0; 16], b"0123456789abcdefn123", b"0123456789abcdeft\xff"]
        {
            assert!(Mark::parse(&URL_SAFE_NO_PAD.encode(bytes)).is_err());
        }
        for text in ["", "x", "%", "AAAA"] {
            assert!(Mark::parse(text).is_err());
        }
    }
}
