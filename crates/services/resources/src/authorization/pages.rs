//! Pages of lists of Microsoft.Authorization: found by key from where the last one ended, however many rows
//! there are.

use gatepost_access::Position;
use gatepost_names::{ObjectId, RoleAssignmentName, RoleDefinitionId, Scope};

use crate::ResourceError;
use crate::request::{Listing, Page};

/// Most rows that one page looks at, or decisions about them: a caller who may read few of many gets short pages,
/// in bounded time.
const MOST_EXAMINED: usize = 10_000;

/// Where in a list a row stands: what a skip token holds.
pub(super) trait Cursor: Sized {
    fn write(&self) -> String;
    /// `None` for what [`Cursor::write`] never gave.
    fn read(text: &str) -> Option<Self>;
}

/// One page of rows, and the token of the next.
#[derive(Debug)]
pub(super) struct Rows<R> {
    pub(super) rows: Vec<R>,
    pub(super) next: Option<String>,
}

/// Collects a page. `fetch` gives the rows after a place, in order, at most so many; `place` says where a row
/// stands; `keep` whether it belongs into the list.
///
/// # Errors
/// What `fetch` answers; [`ResourceError::BadRequest`] for a token that this list never gave.
pub(super) fn collect<R, C: Cursor>(
    page: &Page,
    fetch: impl FnMut(Option<&C>, usize) -> Result<Vec<R>, ResourceError>,
    place: impl Fn(&R) -> C,
    mut keep: impl FnMut(&R) -> bool,
) -> Result<Rows<R>, ResourceError> {
    collect_counted(page, fetch, place, |row, _| keep(row))
}

/// As [`collect`], where `keep` takes several decisions for one row and adds their number to its second argument.
///
/// # Errors
/// As for [`collect`].
pub(super) fn collect_counted<R, C: Cursor>(
    page: &Page,
    mut fetch: impl FnMut(Option<&C>, usize) -> Result<Vec<R>, ResourceError>,
    place: impl Fn(&R) -> C,
    mut keep: impl FnMut(&R, &mut usize) -> bool,
) -> Result<Rows<R>, ResourceError> {
    let mut after = after_of(page)?;
    let (mut rows, mut examined) = (Vec::new(), 0_usize);
    let most = page.size as usize;
    let batch = most.saturating_add(1);
    loop {
        let found = fetch(after.as_ref(), batch)?;
        let is_last = found.len() < batch;
        for row in found {
            if rows.len() >= most || examined >= MOST_EXAMINED {
                return Ok(Rows { rows, next: after.map(|place| Listing::token(&place.write())) });
            }
            examined += 1;
            after = Some(place(&row));
            if keep(&row, &mut examined) {
                rows.push(row);
            }
        }
        if is_last {
            return Ok(Rows { rows, next: None });
        }
    }
}

fn after_of<C: Cursor>(page: &Page) -> Result<Option<C>, ResourceError> {
    if page.after.is_empty() {
        return Ok(None);
    }
    C::read(&page.after).map(Some).ok_or_else(ResourceError::no_such_token)
}

impl Cursor for Position {
    fn write(&self) -> String {
        format!("{}\n{}\n{}\n{}", self.scope_key, self.role, self.principal, self.name)
    }

    fn read(text: &str) -> Option<Position> {
        let mut parts = text.split('\n');
        let scope_key = parts.next()?.to_owned();
        let role: RoleDefinitionId = parts.next()?.parse().ok()?;
        let principal: ObjectId = parts.next()?.parse().ok()?;
        let name: RoleAssignmentName = parts.next()?.parse().ok()?;
        let ends_there = parts.next().is_none();
        ends_there.then_some(Position { scope_key, role, principal, name })
    }
}

/// The place of a deny assignment: its scope and its name there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DenyPlace {
    pub(super) scope: Scope,
    pub(super) name: String,
}

impl Cursor for DenyPlace {
    fn write(&self) -> String {
        format!("{}\n{}", self.scope, self.name)
    }

    fn read(text: &str) -> Option<DenyPlace> {
        let (scope, name) = text.split_once('\n')?;
        Some(DenyPlace { scope: Scope::parse(scope).ok()?, name: name.to_owned() })
    }
}

/// The place of a role: those of the product come before those of the tenant, each in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RolePlace {
    pub(super) custom: bool,
    pub(super) id: RoleDefinitionId,
}

impl Cursor for RolePlace {
    fn write(&self) -> String {
        format!("{}\n{}", u8::from(self.custom), self.id)
    }

    fn read(text: &str) -> Option<RolePlace> {
        let (custom, id) = text.split_once('\n')?;
        Some(RolePlace { custom: custom == "1", id: id.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn place(number: u128) -> RolePlace {
        RolePlace { custom: number >= 10, id: RoleDefinitionId(Uuid::from_u128(number)) }
    }

    fn page_of(
        all: &[RolePlace],
        page: &Page,
        keep: impl Fn(&RolePlace) -> bool,
    ) -> Result<Rows<RolePlace>, ResourceError> {
        collect(
            page,
            |after, limit| {
                let later = all.iter().filter(|row| after.is_none_or(|after| *row > after));
                Ok(later.take(limit).copied().collect())
            },
            |row| *row,
            |row| keep(row),
        )
    }

    #[test]
    fn pages_of_every_size_join_without_gap_or_overlap() {
        let all: Vec<RolePlace> = (0..20).map(place).collect();
        for size in ["1", "3", "20", "1000"] {
            let (mut token, mut seen): (Option<String>, Vec<RolePlace>) = (None, Vec::new());
            loop {
                let page = Page::parse(token.as_deref(), Some(size)).unwrap();
                let got = page_of(&all, &page, |row| *row != place(7)).unwrap();
                assert!(got.rows.len() <= size.parse().unwrap());
                seen.extend(got.rows);
                match got.next {
                    Some(next) => token = Some(next),
                    None => break,
                }
            }
            let expected: Vec<RolePlace> = (0..20).filter(|n| *n != 7).map(place).collect();
            assert_eq!(seen, expected, "{size}");
        }
    }

    #[test]
    fn what_may_not_be_read_is_passed_over_in_bounded_pages() {
        let all: Vec<RolePlace> = (0..25_000).map(|n| place(n + 10)).collect();
        let (mut token, mut pages): (Option<String>, usize) = (None, 0);
        loop {
            let page = Page::parse(token.as_deref(), None).unwrap();
            let got = page_of(&all, &page, |_| false).unwrap();
            assert!(got.rows.is_empty());
            pages += 1;
            match got.next {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        assert_eq!(pages, 3);
    }

    #[test]
    fn decisions_about_a_row_count_too() {
        let all: Vec<RolePlace> = (0..25).map(|n| place(n + 10)).collect();
        let (mut token, mut sizes): (Option<String>, Vec<usize>) = (None, Vec::new());
        loop {
            let page = Page::parse(token.as_deref(), None).unwrap();
            let mut asked = 0;
            let got = collect_counted(
                &page,
                |after, limit| {
                    let later = all.iter().filter(|row| after.is_none_or(|after| *row > after));
                    Ok(later.take(limit).copied().collect())
                },
                |row| *row,
                |_, decisions| {
                    asked += 1;
                    *decisions += 2000;
                    false
                },
            )
            .unwrap();
            sizes.push(asked);
            match got.next {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        assert_eq!(sizes, [5, 5, 5, 5, 5]);
    }

    #[test]
    fn cursors_are_read_back_and_others_refused() {
        let position = Position {
            scope_key: "/subscriptions/x".into(),
            role: RoleDefinitionId(Uuid::from_u128(1)),
            principal: ObjectId(Uuid::from_u128(2)),
            name: RoleAssignmentName(Uuid::from_u128(3)),
        };
        assert_eq!(Position::read(&position.write()).map(|read| read.write()), Some(position.write()));
        let deny = DenyPlace { scope: Scope::root(), name: "a\nb".into() };
        assert_eq!(DenyPlace::read(&deny.write()), Some(deny));
        for wrong in ["", "x", "a\nb", "a\nb\nc\nd", &format!("{}\nx", position.write())] {
            assert!(Position::read(wrong).is_none(), "{wrong}");
        }
        let page = Page::parse(Some(&Listing::token("junk")), None).unwrap();
        let refused = page_of(&[], &page, |_| true);
        assert!(matches!(refused, Err(ResourceError::BadRequest { code: "InvalidSkipToken", .. })));
    }
}
