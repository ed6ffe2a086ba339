//! Lists of objects: filtered, searched, ordered, a page at a time.
//!
//! A filter on an indexed property (client id, object id, principal name, identifier URI; display name and mail
//! address, also by their beginning) and a search of display names read only the objects that have it; every
//! other filter looks at each object of the kind, some at a time, within a budget.

mod mark;
mod matching;
mod plan;

use gatepost_access::Caller;
use gatepost_names::ObjectId;
use gatepost_odata::{Budget, Filter, Search};
use gatepost_store::Conn;
use gatepost_store::directory::{self as rows, Column, Key, ObjectKind, ObjectRow, Page, Range, words_of};
use serde_json::Value;

pub(crate) use mark::Mark;
pub(crate) use matching::{Wanted, check_filter, check_search};

use crate::{Directory, DirectoryError, objects};
use plan::{Place, Plan};

/// Objects that are looked at in one query.
const CHUNK: u32 = 500;
/// Found objects that are put in order in memory; when there are more, the index of the order is walked.
const MOST_SORTED: usize = 5000;

/// In which order objects are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Some order, always the same.
    #[default]
    Any,
    /// By display name.
    Name,
    /// By display name, backwards.
    NameDescending,
    /// By user principal name.
    Login,
    /// By user principal name, backwards.
    LoginDescending,
    /// By the time of making.
    Created,
    /// By the time of making, backwards.
    CreatedDescending,
}

impl Order {
    fn column(self) -> Column {
        match self {
            Order::Any => Column::Id,
            Order::Name | Order::NameDescending => Column::Name,
            Order::Login | Order::LoginDescending => Column::Login,
            Order::Created | Order::CreatedDescending => Column::Created,
        }
    }

    fn is_descending(self) -> bool {
        matches!(self, Order::NameDescending | Order::LoginDescending | Order::CreatedDescending)
    }
}

/// Which objects to list.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// Only those that this holds for.
    pub filter: Option<Filter>,
    /// Only those that this finds.
    pub search: Option<Search>,
    /// In which order.
    pub order: Order,
    /// At most so many.
    pub top: usize,
    /// After the page that answered this ([`Listing::next`]).
    pub after: Option<String>,
    /// Whether to count all of them.
    pub count: bool,
}

/// A page of objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// The objects, as Microsoft Graph shows them.
    pub objects: Vec<Value>,
    /// Names the next page, if there is more.
    pub next: Option<String>,
    /// How many there are in all, where asked.
    pub count: Option<u64>,
}

impl Directory {
    /// A page of the objects of a kind.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`]; [`DirectoryError::InvalidFilter`] for a filter on a property that the kind
    /// lacks; [`DirectoryError::UnsupportedQuery`] for one that takes too many steps;
    /// [`DirectoryError::InvalidPageToken`]; [`DirectoryError::Store`].
    pub fn list(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        request: &ListRequest,
    ) -> Result<Listing, DirectoryError> {
        self.require_reading(caller, kind)?;
        if let Some(filter) = &request.filter {
            check_filter(filter, &[kind])?;
        }
        if let Some(search) = &request.search {
            check_search(search, &[kind])?;
        }
        let after = request.after.as_deref().map(Mark::parse).transpose()?;
        self.0.store.read(|conn| {
            let budget = Budget::per_request();
            let wanted =
                Wanted { filter: request.filter.as_ref(), search: request.search.as_ref(), budget: &budget };
            let place = Place { conn, tenant: caller.tenant, kind };
            let mut walk = Walk {
                place,
                request,
                wanted,
                column: request.order.column(),
                after,
                total: 0,
                last: None,
                listing: Listing::default(),
            };
            walk.run()?;
            walk.listing.count = request.count.then_some(walk.total);
            Ok(walk.listing)
        })
    }
}

/// A walk over the objects that may be wanted.
struct Walk<'a> {
    place: Place<'a>,
    request: &'a ListRequest,
    wanted: Wanted<'a>,
    /// What the objects come in the order of.
    column: Column,
    after: Option<Mark>,
    total: u64,
    last: Option<Mark>,
    listing: Listing,
}

impl<'a> Walk<'a> {
    fn conn(&self) -> &'a Conn<'a> {
        self.place.conn
    }

    fn run(&mut self) -> Result<(), DirectoryError> {
        let order = self.request.order;
        match self.place.plan(self.wanted.filter, order)? {
            Plan::Few(found) => return self.sorted(found),
            Plan::Range(column, range, exact) => {
                self.column = column;
                if exact {
                    self.wanted.filter = None;
                }
                return self.ordered(Some(range));
            }
            Plan::All => {}
        }
        let Some(words) = self.words_to_search() else { return self.ordered(None) };
        if order == Order::Any {
            return self.by_words(&words);
        }
        match self.found_by_words(&words)? {
            Some(found) => self.sorted(found),
            None => self.ordered(None),
        }
    }

    /// The words that every wanted object has the beginnings of in its display name.
    fn words_to_search(&self) -> Option<Vec<String>> {
        let [all_of] = self.wanted.search?.0.as_slice() else { return None };
        let named = all_of.iter().filter(|term| term.property.eq_ignore_ascii_case("displayName"));
        let words: Vec<String> = named.flat_map(|term| words_of(&term.text)).collect();
        (!words.is_empty()).then_some(words)
    }

    /// The word that the fewest objects have: the longest is a good guess.
    fn rarest(words: &[String]) -> Range {
        plan::beginning(words.iter().max_by_key(|word| word.len()).map_or("", String::as_str))
    }

    /// All objects that an index of words names, unless they are many.
    fn found_by_words(&self, words: &[String]) -> Result<Option<Vec<ObjectRow>>, DirectoryError> {
        let range = Self::rarest(words);
        let Place { conn, tenant, kind } = self.place;
        let limit = u32::try_from(MOST_SORTED).unwrap_or(u32::MAX);
        let mut ids: Vec<ObjectId> = rows::with_words(conn, tenant, kind, &range, None, limit)?
            .into_iter()
            .map(|(_, id)| id)
            .collect();
        if ids.len() >= MOST_SORTED {
            return Ok(None);
        }
        ids.sort_unstable();
        ids.dedup();
        let mut found = Vec::new();
        for id in ids {
            found.extend(rows::find(conn, tenant, id)?);
        }
        Ok(Some(found))
    }

    /// Walks the objects that have the beginning of a word, in the order of words.
    fn by_words(&mut self, words: &[String]) -> Result<(), DirectoryError> {
        let range = Self::rarest(words);
        let Place { conn, tenant, kind } = self.place;
        let single = self.wanted.filter.is_none()
            && words.len() == 1
            && self.wanted.search.is_some_and(|search| search.0.iter().map(Vec::len).sum::<usize>() == 1);
        if single {
            self.wanted.search = None;
            if self.request.count {
                self.total = rows::count_with_words(conn, tenant, kind, &range)?;
            }
        }
        let counting = self.request.count && !single;
        let start = self.after.as_ref().map(text_mark);
        let mut at = if counting { None } else { start.clone() };
        loop {
            let chunk = rows::with_words(conn, tenant, kind, &range, at.as_ref(), CHUNK)?;
            let complete = chunk.len() < CHUNK as usize;
            at = chunk.last().cloned();
            for (word, id) in chunk {
                let Some(row) = rows::find(conn, tenant, id)? else { continue };
                if rows::least_word(&row.display_name, &range).as_ref() != Some(&word)
                    || !self.wanted.is(&row)?
                {
                    continue;
                }
                let mark = (word, id);
                let due = start.as_ref().is_none_or(|start| mark > *start);
                self.take(&row, Mark { key: Key::Text(mark.0), id }, due, counting)?;
                if self.listing.next.is_some() && !counting {
                    return Ok(());
                }
            }
            if complete {
                return Ok(());
            }
        }
    }

    /// Walks an index.
    fn ordered(&mut self, range: Option<Range>) -> Result<(), DirectoryError> {
        let Place { conn, tenant, kind } = self.place;
        let mut page =
            Page { column: self.column, descending: self.request.order.is_descending(), after: None, range };
        let exact = self.wanted.is_everything();
        if exact && self.request.count {
            self.total = rows::count(conn, tenant, kind, &page)?;
        }
        // To count what no index counts is to begin at the first, whichever page is asked for.
        let counting = self.request.count && !exact;
        if !counting {
            page.after = self.after.clone().map(|mark| (mark.key, mark.id));
        }
        let needed = u32::try_from(self.request.top.saturating_add(1)).unwrap_or(CHUNK);
        let limit = if exact { needed.min(CHUNK) } else { CHUNK };
        loop {
            let chunk = rows::page(conn, tenant, kind, &page, limit)?;
            let complete = chunk.len() < limit as usize;
            page.after = chunk.last().map(|row| {
                let mark = mark_of(row, self.column);
                (mark.key, mark.id)
            });
            for row in &chunk {
                if !self.wanted.is(row)? {
                    continue;
                }
                let mark = mark_of(row, self.column);
                let due = self.is_due(&mark);
                self.take(row, mark, due, counting)?;
                if self.listing.next.is_some() && !counting {
                    return Ok(());
                }
            }
            if complete {
                return Ok(());
            }
        }
    }

    /// Puts objects in order, and walks them.
    fn sorted(&mut self, found: Vec<ObjectRow>) -> Result<(), DirectoryError> {
        let mut marked: Vec<(Mark, ObjectRow)> =
            found.into_iter().map(|row| (mark_of(&row, self.column), row)).collect();
        marked.sort_by(|(left, _), (right, _)| sort_key(left).cmp(&sort_key(right)));
        if self.request.order.is_descending() {
            marked.reverse();
        }
        for (mark, row) in marked {
            if self.wanted.is(&row)? {
                let due = self.is_due(&mark);
                self.take(&row, mark, due, self.request.count)?;
            }
        }
        Ok(())
    }

    /// Whether a wanted object comes after the page before.
    fn is_due(&self, mark: &Mark) -> bool {
        let Some(after) = &self.after else { return true };
        let (own, start) = (sort_key(mark), sort_key(after));
        if self.request.order.is_descending() { own < start } else { own > start }
    }

    /// Counts a wanted object, and puts it on the page if it belongs there.
    fn take(&mut self, row: &ObjectRow, mark: Mark, due: bool, counting: bool) -> Result<(), DirectoryError> {
        if counting {
            self.total += 1;
        }
        if !due {
            return Ok(());
        }
        if self.listing.objects.len() < self.request.top {
            self.listing.objects.push(objects::entity(self.conn(), row)?);
            self.last = Some(mark);
        } else if self.listing.next.is_none() {
            self.listing.next = self.last.as_ref().map(Mark::to_string);
        }
        Ok(())
    }
}

fn mark_of(row: &ObjectRow, column: Column) -> Mark {
    let key = match column {
        Column::Id => Key::Text(String::new()),
        Column::Name => Key::Text(row.display_name.to_lowercase()),
        Column::Login => Key::Text(row.login.as_deref().unwrap_or_default().to_lowercase()),
        Column::Mail => Key::Text(objects::mail(row).unwrap_or_default()),
        Column::Created => Key::Number(row.created_at),
    };
    Mark { key, id: row.id }
}

fn sort_key(mark: &Mark) -> (&str, i64, ObjectId) {
    match &mark.key {
        Key::Text(text) => (text, 0, mark.id),
        Key::Number(number) => ("", *number, mark.id),
    }
}

fn text_mark(mark: &Mark) -> (String, ObjectId) {
    match &mark.key {
        Key::Text(text) => (text.clone(), mark.id),
        Key::Number(_) => (String::new(), mark.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_word_is_searched_for() {
        let range = Walk::rarest(&["a".to_owned(), "mail".to_owned()]);
        assert_eq!(range, Range { from: "mail".to_owned(), before: Some("maim".to_owned()) });
    }
}
