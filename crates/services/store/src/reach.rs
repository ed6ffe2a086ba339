//! Which part of the resource tree a listing shows, and going through it page by page.
//!
//! Scopes order by whole path, so everything below one is a range of keys. What lies above a scope is not in
//! its text (management groups): whoever asks names each place.

use gatepost_names::Scope;

use crate::StoreError;

/// A place of the resource tree. Keys are scopes in lower case (`Scope::key`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This scope and nothing else.
    At(String),
    /// Everything below this scope, without it.
    Below(String),
}

impl Reach {
    /// Whether the scope of this key lies in it.
    pub fn covers(&self, key: &str) -> bool {
        match self {
            Reach::At(at) => at == key,
            Reach::Below(above) => {
                let prefix = above.trim_end_matches('/');
                key != "/" && key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
            }
        }
    }

    /// Between which keys those below a scope lie: after the first, before the second. `0` is the character
    /// after the slash.
    pub(crate) fn keys_below(key: &str) -> (String, String) {
        let key = key.trim_end_matches('/');
        (format!("{key}/"), format!("{key}0"))
    }
}

/// Rows of these places in their order, at most `limit`. The listing goes on in the place that covers `after`,
/// the scope's key of the last row that is known; `fetch` answers the rows of one place, from its beginning or
/// after that row, as its second argument says, and at most as many as its third.
///
/// # Errors
/// What `fetch` answers; [`StoreError::UnknownCursor`] where no place covers `after`.
pub(crate) fn page<T>(
    places: &[Reach],
    after: Option<&str>,
    limit: usize,
    mut fetch: impl FnMut(&Reach, bool, usize) -> Result<Vec<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let begin = match after {
        // Made up, or of a place that is gone meanwhile. To answer nothing would look like the end.
        Some(key) => places.iter().position(|place| place.covers(key)).ok_or(StoreError::UnknownCursor)?,
        None => 0,
    };
    let mut found = Vec::new();
    for (n, place) in places.iter().enumerate().skip(begin) {
        if found.len() >= limit {
            break;
        }
        let goes_on = after.is_some() && n == begin;
        found.extend(fetch(place, goes_on, limit - found.len())?);
    }
    Ok(found)
}

/// Which rows of a place, ordered by scope and name, a page shows: those after the first two, a scope's key and
/// a name in lower case, and before the third, a scope's key. `last` is the row that the page before ended with.
pub(crate) fn named_range(place: &Reach, last: Option<(&Scope, &str)>) -> (String, String, String) {
    let last = last.map(|(scope, name)| (scope.key().to_owned(), name.to_lowercase()));
    match place {
        Reach::At(key) => {
            let (from, name) = last.unwrap_or_else(|| (key.clone(), String::new()));
            // The first text after the key itself: no other scope's lies between.
            (from, name, format!("{key}\0"))
        }
        Reach::Below(key) => {
            let (first, end) = Reach::keys_below(key);
            // No name is greater: what is at the scope itself, `/`, is left out.
            let (from, name) = last.unwrap_or_else(|| (first, char::MAX.to_string()));
            (from, name, end)
        }
    }
}

/// Comes after every id in the order of keys.
pub(crate) const AFTER_ALL_IDS: [u8; 17] = [0xff; 17];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_goes_by_whole_segments() {
        let below = Reach::Below("/subscriptions/s".to_owned());
        assert!(below.covers("/subscriptions/s/resourcegroups/g"));
        assert!(!below.covers("/subscriptions/s") && !below.covers("/subscriptions/s2/x"));
        let all = Reach::Below("/".to_owned());
        assert!(all.covers("/subscriptions/s") && !all.covers("/"));
    }

    #[test]
    fn a_page_goes_on_where_the_last_one_ended() {
        let places = [Reach::At("/a".into()), Reach::At("/b".into()), Reach::At("/c".into())];
        let mut asked = Vec::new();
        let rows = page(&places, Some("/b"), 3, |place, goes_on, limit| {
            asked.push((place.clone(), goes_on, limit));
            Ok(vec![1, 2])
        });
        assert_eq!(rows.unwrap().len(), 4);
        assert_eq!(asked, [(Reach::At("/b".into()), true, 3), (Reach::At("/c".into()), false, 1)]);
    }

    #[test]
    fn a_page_after_a_row_of_no_place_is_refused() {
        let places = [Reach::At("/a".into()), Reach::Below("/b".into())];
        let asked = |after| page(&places, Some(after), 3, |_, _, _| Ok(vec![1]));
        assert_eq!(asked("/b/x").unwrap(), [1]);
        assert!(matches!(asked("/c"), Err(StoreError::UnknownCursor)));
    }
}
