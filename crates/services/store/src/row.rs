//! Values going into statements and coming out of rows, without the engine's own types.

use std::borrow::Cow;

use uuid::Uuid;

use crate::StoreError;

/// One argument of a statement. Statements number them `?1`, `?2`, ….
#[derive(Clone, Debug, PartialEq)]
pub enum Param<'a> {
    /// SQL NULL.
    Null,
    /// A 64-bit integer; booleans are 0 and 1, times are microseconds since the Unix epoch.
    Int(i64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes; UUIDs are their sixteen.
    Blob(Cow<'a, [u8]>),
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Param::Null => ValueRef::Null,
            Param::Int(value) => ValueRef::Integer(*value),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Param::Int(value)
    }
}

impl From<u32> for Param<'_> {
    fn from(value: u32) -> Self {
        Param::Int(value.into())
    }
}

impl From<bool> for Param<'_> {
    fn from(value: bool) -> Self {
        Param::Int(value.into())
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Param::Text(value.into())
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(value: &'a String) -> Self {
        Param::Text(value.as_str().into())
    }
}

impl From<String> for Param<'_> {
    fn from(value: String) -> Self {
        Param::Text(value.into())
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Param::Blob(value.into())
    }
}

impl From<[u8; 16]> for Param<'_> {
    fn from(value: [u8; 16]) -> Self {
        Param::Blob(value.to_vec().into())
    }
}

impl From<Vec<u8>> for Param<'_> {
    fn from(value: Vec<u8>) -> Self {
        Param::Blob(value.into())
    }
}

impl From<Uuid> for Param<'_> {
    fn from(value: Uuid) -> Self {
        Param::Blob(value.as_bytes().to_vec().into())
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Param::Null, Into::into)
    }
}

/// The arguments of a statement: `params![id, name]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Param::from($value)),*] };
}

/// One row of a result. Columns count from 0.
pub struct Row<'a>(pub(crate) &'a rusqlite::Row<'a>);

impl Row<'_> {
    /// The text in a column.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where the column holds something else; so for the others below.
    pub fn text(&self, column: usize) -> Result<String, StoreError> {
        Ok(self.0.get(column)?)
    }

    /// The text in a column, borrowed from the row.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn text_ref(&self, column: usize) -> Result<&str, StoreError> {
        self.0.get_ref(column)?.as_str().map_err(|e| StoreError::Corrupt(e.to_string()))
    }

    /// The text in a column that may be NULL, borrowed from the row.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn opt_text_ref(&self, column: usize) -> Result<Option<&str>, StoreError> {
        self.0.get_ref(column)?.as_str_or_null().map_err(|e| StoreError::Corrupt(e.to_string()))
    }

    /// The text in a column that may be NULL.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn opt_text(&self, column: usize) -> Result<Option<String>, StoreError> {
        Ok(self.0.get(column)?)
    }

    /// The integer in a column.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        Ok(self.0.get(column)?)
    }

    /// The integer in a column that may be NULL.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        Ok(self.0.get(column)?)
    }

    /// Whether the integer in a column is not 0.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn bool(&self, column: usize) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    /// The bytes in a column.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn blob(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        Ok(self.0.get(column)?)
    }

    /// The bytes in a column that may be NULL.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn opt_blob(&self, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(column)?)
    }

    /// The UUID in a column.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        let bytes = self.0.get_ref(column)?.as_blob().map_err(|e| StoreError::Corrupt(e.to_string()))?;
        Uuid::from_slice(bytes).map_err(|e| StoreError::Corrupt(e.to_string()))
    }

    /// The UUID in a column that may be NULL.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn opt_uuid(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        self.opt_blob(column)?
            .map(|bytes| Uuid::from_slice(&bytes).map_err(|e| StoreError::Corrupt(e.to_string())))
            .transpose()
    }
}
