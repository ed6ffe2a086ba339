//! Which index answers a list, and how much of its filter the index answers by itself.

use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_odata::{Filter, Literal, Operand, Path};
use gatepost_store::directory::{self as rows, Column, ObjectKind, ObjectRow, Range};
use gatepost_store::{Conn, StoreError};

use super::Order;

/// Most values of one `in` that are looked up one by one.
const MOST_LOOKUPS: usize = 1000;

/// What an index answers of a filter.
pub(super) enum Plan {
    /// These objects at most.
    Few(Vec<ObjectRow>),
    /// Objects whose value of a column is in this range; whether that is all that the filter asks.
    Range(Column, Range, bool),
    /// Any object of the kind.
    All,
}

/// Where to look.
pub(super) struct Place<'a> {
    pub(super) conn: &'a Conn<'a>,
    pub(super) tenant: TenantId,
    pub(super) kind: ObjectKind,
}

impl Place<'_> {
    /// The plan for a filter.
    pub(super) fn plan(&self, filter: Option<&Filter>, order: Order) -> Result<Plan, StoreError> {
        let Some(filter) = filter else { return Ok(Plan::All) };
        let parts = filter.conjuncts();
        let mut range = None;
        for part in parts {
            if let Some(found) = self.lookup(part)? {
                return Ok(Plan::Few(found));
            }
            let usable = |(column, _): &(Column, Range)| order == Order::Any || order.column() == *column;
            range = range.or_else(|| self.range(part).filter(usable));
        }
        Ok(match range {
            Some((column, range)) => Plan::Range(column, range, parts.len() == 1),
            None => Plan::All,
        })
    }

    /// The objects that a condition on a unique property names.
    fn lookup(&self, part: &Filter) -> Result<Option<Vec<ObjectRow>>, StoreError> {
        if let Some((path, text)) = part.text_equality() {
            return self.by_value(path, &[text]);
        }
        match part {
            Filter::In { operand: Operand::Path(path), values } if values.len() <= MOST_LOOKUPS => {
                let texts: Option<Vec<&str>> = values
                    .iter()
                    .map(|value| match value {
                        Literal::Text(text) | Literal::Bare(text) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect();
                texts.map_or(Ok(None), |texts| self.by_value(path, &texts))
            }
            _ => self.by_element(part),
        }
    }

    fn by_value(&self, path: &Path, texts: &[&str]) -> Result<Option<Vec<ObjectRow>>, StoreError> {
        let find: &dyn Fn(&str) -> Result<Option<ObjectRow>, StoreError> = if path.is(&["id"]) {
            &|text| match text.parse::<ObjectId>() {
                Ok(id) => rows::find(self.conn, self.tenant, id),
                Err(_) => Ok(None),
            }
        } else if path.is(&["appId"]) {
            &|text| self.by_app(text)
        } else if path.is(&["userPrincipalName"]) {
            &|text| rows::find_by_login(self.conn, self.tenant, text)
        } else {
            return Ok(None);
        };
        let mut found: Vec<ObjectRow> = Vec::new();
        for text in texts {
            let row = find(text)?.filter(|row| row.kind == self.kind);
            found.extend(row.filter(|row| found.iter().all(|known| known.id != row.id)));
        }
        Ok(Some(found))
    }

    fn by_element(&self, part: &Filter) -> Result<Option<Vec<ObjectRow>>, StoreError> {
        let Some((collection, text)) = element_equality(part) else { return Ok(None) };
        let found = if collection.is(&["servicePrincipalNames"]) && text.parse::<ApplicationId>().is_ok() {
            self.by_app(text)?
        } else if collection.is(&["identifierUris"]) {
            match rows::application_of_uri(self.conn, self.tenant, text)? {
                Some(id) => rows::find(self.conn, self.tenant, id)?,
                None => None,
            }
        } else {
            return Ok(None);
        };
        Ok(Some(found.filter(|row| row.kind == self.kind).into_iter().collect()))
    }

    fn by_app(&self, text: &str) -> Result<Option<ObjectRow>, StoreError> {
        match text.parse::<ApplicationId>() {
            Ok(app_id) => rows::find_by_app(self.conn, self.tenant, self.kind, app_id),
            Err(_) => Ok(None),
        }
    }

    /// The range of an index that a condition is: an equality or a beginning.
    fn range(&self, part: &Filter) -> Option<(Column, Range)> {
        if let Some((path, text)) = part.text_equality() {
            return Some((self.column(path)?, exactly(text)));
        }
        let Filter::Call(call) = part else { return None };
        match call.arguments.as_slice() {
            [Operand::Path(path), Operand::Literal(Literal::Text(text))] if call.is("startswith") => {
                Some((self.column(path)?, beginning(text)))
            }
            _ => None,
        }
    }

    fn column(&self, path: &Path) -> Option<Column> {
        if path.is(&["displayName"]) {
            Some(Column::Name)
        } else if path.is(&["mail"]) && self.kind == ObjectKind::User {
            Some(Column::Mail)
        } else if path.is(&["userPrincipalName"]) && self.kind == ObjectKind::User {
            Some(Column::Login)
        } else {
            None
        }
    }
}

/// The collection and the text, where a condition is `collection/any(x:x eq 'text')`.
fn element_equality(filter: &Filter) -> Option<(&Path, &str)> {
    let Filter::Any { collection, lambda: Some(lambda) } = filter else { return None };
    let (path, text) = lambda.condition.text_equality()?;
    (path.0.as_slice() == [lambda.variable.as_str()]).then_some((collection, text))
}

fn exactly(text: &str) -> Range {
    let from = text.to_lowercase();
    Range { before: Some(format!("{from}\0")), from }
}

/// The range of the texts that begin like this, ignoring letter case.
pub(super) fn beginning(text: &str) -> Range {
    let from = text.to_lowercase();
    Range { before: after_prefix(&from), from }
}

/// The least text that is greater than every text with this prefix; `None` if there is none.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // The successor of U+D7FF is U+E000: the range in between holds no characters.
        if let Some(next) = (u32::from(last) + 1..=0x0010_FFFF).find_map(char::from_u32) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_prefix() {
        assert_eq!(after_prefix("ab"), Some("ac".to_owned()));
        assert_eq!(after_prefix("a\u{10FFFF}"), Some("b".to_owned()));
        assert_eq!(after_prefix("\u{D7FF}"), Some("\u{E000}".to_owned()));
        assert_eq!(after_prefix(""), None);
    }
}
