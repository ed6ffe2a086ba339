//! The words of display names, for searches.

use gatepost_names::{ObjectId, TenantId};

use crate::directory::{ObjectKind, ObjectRow, Range};
use crate::{Conn, Param, StoreError, Tx, params};

/// The words of a name, in lower case, each once.
pub fn words_of(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let mut words: Vec<String> = lower
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// The least word of a name that is in a range. An object with two such words is found once: by this one.
pub fn least_word(name: &str, range: &Range) -> Option<String> {
    let inside =
        |word: &String| *word >= range.from && range.before.as_ref().is_none_or(|before| word < before);
    words_of(name).into_iter().find(inside)
}

pub(super) fn write(tx: &Tx<'_>, object: &ObjectRow) -> Result<(), StoreError> {
    for word in words_of(&object.display_name) {
        tx.execute(
            "INSERT INTO directory_words (tenant_id, kind, word, object_id) VALUES (?1, ?2, ?3, ?4)",
            params![object.tenant.bytes(), object.kind.as_str(), word, object.id.bytes()],
        )?;
    }
    Ok(())
}

pub(super) fn forget(tx: &Tx<'_>, tenant: TenantId, id: ObjectId) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM directory_words WHERE tenant_id = ?1 AND object_id = ?2",
        params![tenant.bytes(), id.bytes()],
    )
    .map(|_| ())
}

/// At most `limit` words in a range with the objects that have them, by word and object id, after a pair.
///
/// # Errors
/// [`StoreError`].
pub fn with_words(
    conn: &Conn<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    range: &Range,
    after: Option<&(String, ObjectId)>,
    limit: u32,
) -> Result<Vec<(String, ObjectId)>, StoreError> {
    let seek = if after.is_some() { " AND (word, object_id) > (?5, ?6)" } else { "" };
    let (word, id) = match after {
        Some((word, id)) => (Param::from(word), Param::from(id.bytes())),
        None => (Param::Null, Param::Null),
    };
    conn.query(
        &format!(
            "SELECT word, object_id FROM directory_words WHERE tenant_id = ?1 AND kind = ?2 AND word >= ?3{}{seek} \
             ORDER BY word, object_id LIMIT ?7",
            before(range)
        ),
        &[
            Param::from(tenant.bytes()),
            Param::from(kind.as_str()),
            Param::from(&range.from),
            Param::from(range.before.clone()),
            word,
            id,
            Param::from(limit),
        ],
        |row| Ok((row.text(0)?, ObjectId(row.uuid(1)?))),
    )
}

/// How many objects have a word in a range.
///
/// # Errors
/// [`StoreError`].
pub fn count_with_words(
    conn: &Conn<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    range: &Range,
) -> Result<u64, StoreError> {
    let mut values = vec![Param::from(tenant.bytes()), Param::from(kind.as_str()), Param::from(&range.from)];
    values.extend(range.before.as_ref().map(Param::from));
    let counted = conn.query_one(
        &format!(
            "SELECT count(DISTINCT object_id) FROM directory_words WHERE tenant_id = ?1 AND kind = ?2 \
             AND word >= ?3{}",
            before(range)
        ),
        &values,
        |row| row.int(0),
    )?;
    Ok(counted.and_then(|number| u64::try_from(number).ok()).unwrap_or_default())
}

fn before(range: &Range) -> &'static str {
    if range.before.is_some() { " AND word < ?4" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_found_by_its_least_word() {
        let range = Range { from: "ma".to_owned(), before: Some("mb".to_owned()) };
        assert_eq!(least_word("Mail-Mach 2", &range), Some("mach".to_owned()));
        assert_eq!(least_word("Robot", &range), None);
        assert_eq!(words_of("ÄB äb, c"), ["c", "äb"]);
    }
}
