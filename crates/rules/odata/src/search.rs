//! `$search`: `"displayName:mail" AND ("description:robot" OR "description:bot")` without the parentheses.

/// Most bytes of a search.
const MAX_LENGTH: usize = 4096;
/// Most terms of a search.
const MAX_TERMS: usize = 30;

/// What a search asks for: all terms of at least one of these lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search(pub Vec<Vec<Term>>);

/// A property and what it is to contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The property, as written.
    pub property: String,
    /// The text.
    pub text: String,
}

/// Why a text is no search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// A clause without double quotes, or one that names no property.
    #[error("Search clauses are written as \"property:value\", with the double quotes")]
    Clause,
    /// Something other than `AND` or `OR` between two clauses.
    #[error("Search clauses are joined by AND or OR")]
    Joint,
    /// More than the bound.
    #[error("The search is too long")]
    TooLong,
}

/// Reads a search. `AND` binds tighter than `OR`; nothing between two clauses stands for `AND`. A text between
/// the quotes may hold escaped quotes and backslashes.
///
/// # Errors
/// [`SearchError`].
pub fn parse_search(text: &str) -> Result<Search, SearchError> {
    if text.len() > MAX_LENGTH {
        return Err(SearchError::TooLong);
    }
    let mut alternatives = Vec::new();
    let mut all_of = Vec::new();
    let (mut rest, mut terms) = (text.trim_start(), 0);
    loop {
        let (term, after) = clause(rest)?;
        all_of.push(term);
        terms += 1;
        if terms > MAX_TERMS {
            return Err(SearchError::TooLong);
        }
        rest = after.trim_start();
        if rest.is_empty() {
            alternatives.push(all_of);
            return Ok(Search(alternatives));
        }
        if let Some(next) = joint(rest, "OR") {
            alternatives.push(std::mem::take(&mut all_of));
            rest = next;
        } else if let Some(next) = joint(rest, "AND") {
            rest = next;
        } else if !rest.starts_with('"') {
            return Err(SearchError::Joint);
        }
    }
}

/// What follows a word that joins two clauses.
fn joint<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    (rest.starts_with(char::is_whitespace) || rest.starts_with('"')).then(|| rest.trim_start())
}

/// The clause that a text begins with, and what follows it.
fn clause(text: &str) -> Result<(Term, &str), SearchError> {
    let inner = text.strip_prefix('"').ok_or(SearchError::Clause)?;
    let mut value = String::new();
    let mut characters = inner.chars();
    loop {
        match characters.next().ok_or(SearchError::Clause)? {
            '"' => break,
            '\\' => value.push(characters.next().ok_or(SearchError::Clause)?),
            other => value.push(other),
        }
    }
    let (property, wanted) = value.split_once(':').ok_or(SearchError::Clause)?;
    let property = property.trim();
    if property.is_empty() || !property.chars().all(char::is_alphanumeric) {
        return Err(SearchError::Clause);
    }
    Ok((Term { property: property.to_owned(), text: wanted.trim().to_owned() }, characters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Vec<(String, String)>>, SearchError> {
        let Search(alternatives) = parse_search(text)?;
        let plain = |term: Term| (term.property, term.text);
        Ok(alternatives.into_iter().map(|all| all.into_iter().map(plain).collect()).collect())
    }

    fn pair(property: &str, text: &str) -> (String, String) {
        (property.to_owned(), text.to_owned())
    }

    #[test]
    fn what_clients_send() {
        assert_eq!(read("\"displayName:a b\"").unwrap(), [[pair("displayName", "a b")]]);
        assert_eq!(
            read("\"displayName:a\" AND \"mail:b:c\" OR \"description:d\"").unwrap(),
            [vec![pair("displayName", "a"), pair("mail", "b:c")], vec![pair("description", "d")]]
        );
        assert_eq!(read(" \"a:1\"\"b:2\" ").unwrap(), [[pair("a", "1"), pair("b", "2")]]);
        assert_eq!(read(r#""a:say \"x\" \\""#).unwrap(), [[pair("a", "say \"x\" \\")]]);
    }

    #[test]
    fn what_is_no_search() {
        for (text, fault) in [
            ("", SearchError::Clause),
            ("x", SearchError::Clause),
            ("displayName:x", SearchError::Clause),
            ("\"x\"", SearchError::Clause),
            ("\":x\"", SearchError::Clause),
            ("\"a b:x\"", SearchError::Clause),
            ("\"a:x", SearchError::Clause),
            ("\"a:x\\", SearchError::Clause),
            ("\"a:x\" NOT \"a:y\"", SearchError::Joint),
            ("\"a:x\" AND", SearchError::Joint),
            ("\"a:x\" OR ", SearchError::Clause),
            ("\"a:x\" ORDER", SearchError::Joint),
        ] {
            assert_eq!(parse_search(text), Err(fault), "{text}");
        }
        assert_eq!(parse_search(&"\"a:b\"".repeat(31)), Err(SearchError::TooLong));
        assert_eq!(parse_search(&"x".repeat(5000)), Err(SearchError::TooLong));
    }
}
