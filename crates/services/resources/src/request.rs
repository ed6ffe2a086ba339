//! What use cases take besides the caller and the target, and what they answer.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_store::StoreError;
use serde_json::Value;
use uuid::Uuid;

use crate::ResourceError;

/// The conditional header fields of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `If-Match`
    pub if_match: Option<String>,
    /// `If-None-Match`
    pub if_none_match: Option<String>,
}

impl Conditions {
    /// Checks the conditions against the entity tag of what is there (RFC 9110 section 13.1).
    ///
    /// # Errors
    /// [`ResourceError::PreconditionFailed`].
    pub fn check(&self, etag: Option<&str>) -> Result<(), ResourceError> {
        if let Some(wanted) = &self.if_match
            && !lists(wanted, etag)
        {
            return Err(ResourceError::PreconditionFailed("If-Match".into()));
        }
        if let Some(unwanted) = &self.if_none_match
            && lists(unwanted, etag)
        {
            return Err(ResourceError::PreconditionFailed("If-None-Match".into()));
        }
        Ok(())
    }
}

/// Whether a list of entity tags, or `*`, names the one that is there.
fn lists(field: &str, etag: Option<&str>) -> bool {
    let Some(etag) = etag else { return false };
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    field.trim() == "*" || field.split(',').any(|tag| bare(tag) == bare(etag))
}

/// Most items of one page when the client asks for no number, and at all.
const PAGE: u32 = 1000;

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The key after which it begins; empty for the first page.
    pub(crate) after: String,
    /// How many items at most.
    pub(crate) size: u32,
}

impl Default for Page {
    fn default() -> Page {
        Page { after: String::new(), size: PAGE }
    }
}

impl Page {
    /// Reads `$skiptoken` and `$top`.
    ///
    /// # Errors
    /// [`ResourceError::BadRequest`] for a token that this server never gave or a number that is none.
    pub fn parse(skip_token: Option<&str>, top: Option<&str>) -> Result<Page, ResourceError> {
        let after = match skip_token {
            None => String::new(),
            Some(token) => URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| ResourceError::BadRequest {
                    code: "InvalidSkipToken",
                    message: format!("The provided skip token '{token}' is not valid."),
                })?,
        };
        let size = match top {
            None => PAGE,
            Some(text) => {
                let wanted = text.parse::<u32>().ok().filter(|n| *n > 0);
                wanted.map(|n| n.min(PAGE)).ok_or_else(|| ResourceError::BadRequest {
                    code: "InvalidTopQueryParameter",
                    message: format!("The $top value '{text}' is not a positive number."),
                })?
            }
        };
        Ok(Page { after, size })
    }

    /// Collects a page: `fetch` gives the rows after a key, `keep` turns one into an item or leaves it out.
    pub(crate) fn collect<R>(
        &self,
        mut fetch: impl FnMut(&str, u32) -> Result<Vec<R>, StoreError>,
        key: impl Fn(&R) -> String,
        mut keep: impl FnMut(R) -> Result<Option<Value>, ResourceError>,
    ) -> Result<Listing, ResourceError> {
        let mut after = self.after.clone();
        let mut listing = Listing::default();
        let batch = self.size.saturating_add(1);
        loop {
            let rows = fetch(&after, batch)?;
            let last = rows.len() < batch as usize;
            for row in rows {
                if listing.value.len() >= self.size as usize {
                    listing.next = Some(Listing::token(&after));
                    return Ok(listing);
                }
                after = key(&row);
                listing.value.extend(keep(row)?);
            }
            if last {
                return Ok(listing);
            }
        }
    }
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// The items.
    pub value: Vec<Value>,
    /// The `$skiptoken` of the next page; `None` on the last.
    pub next: Option<String>,
}

impl Listing {
    /// The `$skiptoken` that begins after the item with this key.
    pub(crate) fn token(key: &str) -> String {
        URL_SAFE_NO_PAD.encode(key)
    }
}

/// A resource as its readers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The body.
    pub body: Value,
    /// Its entity tag.
    pub etag: String,
}

/// What a PUT or PATCH did.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The resource as it is now.
    pub shown: Shown,
    /// Whether it was not there before.
    pub created: bool,
    /// The operation to look at, where the type answers as a long-running operation.
    pub operation: Option<Uuid>,
}

/// What a DELETE did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// There was nothing.
    Absent,
    /// It is gone.
    Done,
    /// It is gone; the type answers as a long-running operation.
    Accepted(Uuid),
}

/// What a POST action did.
#[derive(Clone, Debug, PartialEq)]
pub enum Acted {
    /// 200 with a body.
    Done(Value),
    /// 202; the operation is complete when it is looked at.
    Accepted(Uuid),
    /// 204.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_hold_or_fail() {
        let check = |if_match: Option<&str>, if_none_match: Option<&str>, etag: Option<&str>| {
            let conditions = Conditions {
                if_match: if_match.map(str::to_owned),
                if_none_match: if_none_match.map(str::to_owned),
            };
            conditions.check(etag).is_ok()
        };
        assert!(check(None, None, None));
        assert!(check(Some("\"a\""), None, Some("\"a\"")));
        assert!(check(Some("W/\"a\", \"b\""), None, Some("\"b\"")));
        assert!(!check(Some("\"a\""), None, Some("\"b\"")));
        assert!(!check(Some("*"), None, None));
        assert!(check(Some("*"), None, Some("\"b\"")));
        assert!(check(None, Some("*"), None));
        assert!(!check(None, Some("*"), Some("\"b\"")));
    }

    #[test]
    fn pages_join_without_gap_or_overlap() {
        let rows: Vec<String> = (0..10).map(|n| format!("k{n}")).collect();
        let mut token = None;
        let mut seen = Vec::new();
        loop {
            let page = Page::parse(token.as_deref(), Some("3")).unwrap();
            let listing = page
                .collect(
                    |after, limit| {
                        Ok(rows.iter().filter(|k| k.as_str() > after).take(limit as usize).cloned().collect())
                    },
                    |row: &String| row.clone(),
                    |row| Ok((row != "k4").then(|| row.into())),
                )
                .unwrap();
            assert!(listing.value.len() <= 3);
            seen.extend(listing.value.iter().map(|v| v.as_str().unwrap().to_owned()));
            match listing.next {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, ["k0", "k1", "k2", "k3", "k5", "k6", "k7", "k8", "k9"]);
    }

    #[test]
    fn bad_page_parameters_are_refused() {
        assert!(Page::parse(Some("not base64!"), None).is_err());
        for top in ["0", "-1", "x", ""] {
            assert!(Page::parse(None, Some(top)).is_err(), "{top}");
        }
    }
}
