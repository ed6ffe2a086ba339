//! What changed: all objects of a kind, and then only those that changed since.
//!
//! A client first walks all objects, page by page, and ends with a token for the number of the last change at
//! its beginning; with that token it later gets what changed after that number. An object may come twice; none
//! is left out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_access::Caller;
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::directory::{self as rows, Column, Key, ObjectKind, ObjectRow, Page};
use gatepost_store::{Conn, StoreError, groups};
use serde_json::{Value, json};

use crate::{Directory, DirectoryError, objects};

/// Members of groups on one page.
const MOST_MEMBERS: usize = 2000;

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// It walks all objects: began at this number, and had the objects up to this one.
    Walking(i64, Option<ObjectId>),
    /// It walks all objects and is inside of a group: had its members up to this one.
    Inside(i64, ObjectId, ObjectId),
    /// It has everything up to this number.
    Since(i64),
    /// It is on its way from a number: had the objects up to another, and of a group the changes of members up to
    /// a third.
    Further(i64, i64, Option<(ObjectId, i64)>),
}

impl Token {
    fn parse(text: &str) -> Result<Token, DirectoryError> {
        let invalid = || DirectoryError::InvalidPageToken;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let (kind, rest) = bytes.split_first().ok_or_else(invalid)?;
        let (number, ids) = rest.split_at_checked(8).ok_or_else(invalid)?;
        let number = i64::from_be_bytes(number.try_into().map_err(|_| invalid())?);
        if *kind == b'c' {
            return Token::further(number, ids).ok_or_else(invalid);
        }
        let ids: Vec<ObjectId> = ids.chunks(16).filter_map(ObjectId::from_bytes).collect();
        match (kind, ids.as_slice(), rest.len()) {
            (b'w', [], 8) => Ok(Token::Walking(number, None)),
            (b'w', [last], 24) => Ok(Token::Walking(number, Some(*last))),
            (b'i', [group, member], 40) => Ok(Token::Inside(number, *group, *member)),
            (b's', [], 8) => Ok(Token::Since(number)),
            _ => Err(invalid()),
        }
    }

    fn further(from: i64, rest: &[u8]) -> Option<Token> {
        let number = |bytes: &[u8]| Some(i64::from_be_bytes(bytes.try_into().ok()?));
        let (at, rest) = rest.split_at_checked(8)?;
        if rest.is_empty() {
            return Some(Token::Further(from, number(at)?, None));
        }
        let (group, sequence) = rest.split_at_checked(16)?;
        let inside = (ObjectId::from_bytes(group)?, number(sequence)?);
        Some(Token::Further(from, number(at)?, Some(inside)))
    }

    /// Whether it can have been given out where changes have come to this number.
    fn is_possible(&self, now: i64) -> bool {
        let known = |number: &i64| (0..=now).contains(number);
        match self {
            Token::Walking(number, _) | Token::Inside(number, ..) | Token::Since(number) => known(number),
            Token::Further(from, at, inside) => {
                known(from) && known(at) && inside.is_none_or(|(_, sequence)| known(&sequence))
            }
        }
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, number, ids) = match self {
            Token::Walking(number, last) => (b'w', number, Vec::from_iter(*last)),
            Token::Inside(number, group, member) => (b'i', number, vec![*group, *member]),
            Token::Since(number) => (b's', number, Vec::new()),
            Token::Further(from, ..) => (b'c', from, Vec::new()),
        };
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&number.to_be_bytes());
        ids.iter().for_each(|id| bytes.extend_from_slice(&id.bytes()));
        if let Token::Further(_, at, inside) = self {
            bytes.extend_from_slice(&at.to_be_bytes());
            if let Some((group, sequence)) = inside {
                bytes.extend_from_slice(&group.bytes());
                bytes.extend_from_slice(&sequence.to_be_bytes());
            }
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// What a delta query asks.
#[derive(Clone, Debug, Default)]
pub struct DeltaRequest {
    /// Goes on where a page ended.
    pub token: Option<String>,
    /// Asks for a token for now, and for no objects.
    pub latest: bool,
    /// At most so many objects.
    pub top: usize,
    /// Whether the members of groups are wanted.
    pub members: bool,
}

/// One object of a delta query.
#[derive(Clone, Debug, PartialEq)]
pub enum DeltaEntry {
    /// It is there; a group with the members that came and went, in Microsoft Graph's form.
    There(Value, Vec<Value>),
    /// It was deleted, and can be restored if this says so.
    Gone(ObjectId, bool),
}

/// A page of a delta query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// The objects.
    pub entries: Vec<DeltaEntry>,
    /// Names the next page, if there is more.
    pub next: Option<String>,
    /// Names what will have changed, where this is the last page.
    pub delta: Option<String>,
}

impl Directory {
    /// A page of the changes of a kind of objects.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`], [`DirectoryError::InvalidPageToken`], [`DirectoryError::Store`].
    pub fn delta(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        request: &DeltaRequest,
    ) -> Result<Delta, DirectoryError> {
        self.require_reading(caller, kind)?;
        let token = request.token.as_deref().map(Token::parse).transpose()?;
        self.0.store.read(|conn| {
            let look = Look { conn, tenant: caller.tenant, kind, request };
            let now = rows::current_sequence(conn, caller.tenant)?;
            if token.is_some_and(|token| !token.is_possible(now)) {
                return Err(DirectoryError::InvalidPageToken);
            }
            match token {
                _ if request.latest => {
                    Ok(Delta { delta: Some(Token::Since(now).to_string()), ..Delta::default() })
                }
                None => look.walk(now, None, None),
                Some(Token::Walking(start, last)) => look.walk(start, last, None),
                Some(Token::Inside(start, group, member)) => look.walk(start, None, Some((group, member))),
                Some(Token::Since(number)) => look.since(number, number, None),
                Some(Token::Further(from, at, inside)) => look.since(from, at, inside),
            }
        })
    }
}

struct Look<'a> {
    conn: &'a Conn<'a>,
    tenant: TenantId,
    kind: ObjectKind,
    request: &'a DeltaRequest,
}

impl Look<'_> {
    /// All objects, after one or from inside of a group.
    fn walk(
        &self,
        start: i64,
        last: Option<ObjectId>,
        inside: Option<(ObjectId, ObjectId)>,
    ) -> Result<Delta, DirectoryError> {
        let mut delta = Delta::default();
        let mut left = MOST_MEMBERS;
        let mut last = last;
        if let Some((group, member)) = inside {
            last = Some(group);
            if let Some(row) = rows::find(self.conn, self.tenant, group)?
                && self.push(&row, Some(member), start, &mut left, &mut delta)?
            {
                return Ok(delta);
            }
        }
        let limit = u32::try_from(self.request.top.saturating_add(1)).unwrap_or(u32::MAX);
        let after = last.map(|id| (Key::Text(String::new()), id));
        let page = Page { column: Column::Id, after, ..Page::default() };
        let found = rows::page(self.conn, self.tenant, self.kind, &page, limit)?;
        for row in found.iter().take(self.request.top) {
            if left == 0 {
                delta.next = Some(Token::Walking(start, last).to_string());
                return Ok(delta);
            }
            if self.push(row, None, start, &mut left, &mut delta)? {
                return Ok(delta);
            }
            last = Some(row.id);
        }
        if found.len() > self.request.top {
            delta.next = Some(Token::Walking(start, last).to_string());
        } else {
            delta.delta = Some(Token::Since(start).to_string());
        }
        Ok(delta)
    }

    /// Adds an object; whether the page is full inside of it.
    fn push(
        &self,
        row: &ObjectRow,
        after: Option<ObjectId>,
        start: i64,
        left: &mut usize,
        delta: &mut Delta,
    ) -> Result<bool, DirectoryError> {
        let mut members = Vec::new();
        let mut full = false;
        if self.kind == ObjectKind::Group && self.request.members {
            let ids = groups::members_page(self.conn, self.tenant, row.id, after, left.saturating_add(1))?;
            full = ids.len() > *left;
            for id in ids.iter().take(*left) {
                members.extend(self.member(*id)?);
            }
            if full && let Some(last) = ids.get(left.saturating_sub(1)) {
                delta.next = Some(Token::Inside(start, row.id, *last).to_string());
            }
            *left -= ids.len().min(*left);
        }
        delta.entries.push(DeltaEntry::There(objects::entity(self.conn, row)?, members));
        Ok(full)
    }

    fn member(&self, id: ObjectId) -> Result<Option<Value>, StoreError> {
        let row = rows::find(self.conn, self.tenant, id)?;
        Ok(row.map(|row| json!({"@odata.type": format!("#microsoft.graph.{}", row.kind.as_str()), "id": id})))
    }

    /// What changed after a number: the objects whose last change came after `at`, with what changed of members
    /// after `from`, or after what the client had of the group that it is inside of.
    fn since(&self, from: i64, at: i64, inside: Option<(ObjectId, i64)>) -> Result<Delta, DirectoryError> {
        let limit = u32::try_from(self.request.top.saturating_add(1)).unwrap_or(u32::MAX);
        let changes = rows::changes_after(self.conn, self.tenant, self.kind, at, limit)?;
        let mut delta = Delta::default();
        let (mut last, mut left) = (at, MOST_MEMBERS);
        for change in changes.iter().take(self.request.top) {
            if left == 0 {
                delta.next = Some(Token::Further(from, last, None).to_string());
                return Ok(delta);
            }
            let found = rows::find(self.conn, self.tenant, change.object)?;
            if let Some(row) = found.filter(|row| row.kind == self.kind) {
                let had = inside.filter(|(group, _)| *group == row.id).map_or(from, |(_, sequence)| sequence);
                if let Some(sequence) = self.push_changed(&row, had, &mut left, &mut delta)? {
                    delta.next = Some(Token::Further(from, last, Some((row.id, sequence))).to_string());
                    return Ok(delta);
                }
            } else {
                let restorable = rows::deleted(self.conn, self.tenant, change.object)?.is_some();
                delta.entries.push(DeltaEntry::Gone(change.object, restorable));
            }
            last = change.sequence;
        }
        if changes.len() > self.request.top {
            delta.next = Some(Token::Further(from, last, None).to_string());
        } else {
            delta.delta = Some(Token::Since(last).to_string());
        }
        Ok(delta)
    }

    /// Adds an object with the members that came and went after a number; where the page is full inside of it, the
    /// number up to which they are there.
    fn push_changed(
        &self,
        row: &ObjectRow,
        had: i64,
        left: &mut usize,
        delta: &mut Delta,
    ) -> Result<Option<i64>, DirectoryError> {
        let (mut members, mut full_at) = (Vec::new(), None);
        if self.kind == ObjectKind::Group && self.request.members {
            let limit = u32::try_from(left.saturating_add(1)).unwrap_or(u32::MAX);
            let changed = rows::member_changes_after(self.conn, self.tenant, row.id, had, limit)?;
            for change in changed.iter().take(*left) {
                if change.removed {
                    members.push(json!({"id": change.member, "@removed": {"reason": "deleted"}}));
                } else {
                    members.extend(self.member(change.member)?);
                }
            }
            if changed.len() > *left {
                full_at = changed.get(left.saturating_sub(1)).map(|change| change.sequence);
            }
            *left -= changed.len().min(*left);
        }
        delta.entries.push(DeltaEntry::There(objects::entity(self.conn, row)?, members));
        Ok(full_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_no_text_breaks_it() {
        let id = || ObjectId(uuid::Uuid::new_v4());
        for token in [
            Token::Walking(3, None),
            Token::Walking(-1, Some(id())),
            Token::Inside(i64::MAX, id(), id()),
            Token::Since(0),
            Token::Further(1, 2, None),
            Token::Further(1, 2, Some((id(), 3))),
        ] {
            assert_eq!(Token::parse(&token.to_string()).unwrap(), token);
        }
        for bytes in [&b""[..], b"w", b"s1234567", b"x12345678", b"s123456789", b"i12345678", b"c12345678"] {
            assert!(Token::parse(&URL_SAFE_NO_PAD.encode(bytes)).is_err());
        }
    }
}
