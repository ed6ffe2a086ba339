//! Objects a page at a time, in the order of an index.

use gatepost_names::{ObjectId, TenantId};

use crate::directory::objects::{COLUMNS, object_of};
use crate::directory::{ObjectKind, ObjectRow};
use crate::{Conn, Param, StoreError};

/// What objects are ordered by; objects with the same value, by their id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// The object id.
    #[default]
    Id,
    /// The display name, in lower case.
    Name,
    /// The user principal name, in lower case; objects without one are left out.
    Login,
    /// The mail address, in lower case; objects without one are left out.
    Mail,
    /// When it was made.
    Created,
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Column::Id => "id",
            Column::Name => "name_key",
            Column::Login => "login_key",
            Column::Mail => "mail_key",
            Column::Created => "created_at",
        }
    }
}

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Of the columns that hold text.
    Text(String),
    /// Of [`Column::Created`].
    Number(i64),
}

impl Key {
    fn param(&self) -> Param<'_> {
        match self {
            Key::Text(text) => Param::from(text),
            Key::Number(number) => Param::from(*number),
        }
    }
}

/// Values of a column that holds text, in lower case: from the first on, and before the second if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The least value.
    pub from: String,
    /// The least value that is too great.
    pub before: Option<String>,
}

/// Which page of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In which order.
    pub column: Column,
    /// Backwards.
    pub descending: bool,
    /// After the object with this value of the column and this id; the value is ignored for [`Column::Id`].
    pub after: Option<(Key, ObjectId)>,
    /// Only objects whose value of the column is in this range.
    pub range: Option<Range>,
}

/// At most `limit` objects of a kind.
///
/// # Errors
/// [`StoreError`].
pub fn page(
    conn: &Conn<'_>,
    tenant: TenantId,
    kind: ObjectKind,
    page: &Page,
    limit: u32,
) -> Result<Vec<ObjectRow>, StoreError> {
    let column = page.column.name();
    // A bound that may be NULL keeps the engine from seeking in the index: each page has its own text.
    let (greater, direction) = if page.descending { ("<", " DESC") } else { (">", "") };
    let mut condition = String::new();
    let (mut key, mut id) = (Param::Null, Param::Null);
    match (&page.after, page.column) {
        (Some((_, after)), Column::Id) => {
            condition = format!(" AND id {greater} ?4");
            id = Param::from(after.bytes());
        }
        // Every id is greater than no bytes at all; without a bound the engine walks other kinds too.
        (None, Column::Id) if !page.descending => {
            condition = " AND id > ?4".to_owned();
            id = Param::from(Vec::new());
        }
        (None, Column::Id) => {}
        (Some((value, after)), _) => {
            condition = format!(" AND ({column}, id) {greater} (?3, ?4)");
            (key, id) = (value.param(), Param::from(after.bytes()));
        }
        (None, _) => {}
    }
    condition.push_str(only_known(page.column));
    condition.push_str(&in_range(page, 5));
    let order = match page.column {
        Column::Id => format!("id{direction}"),
        _ => format!("{column}{direction}, id{direction}"),
    };
    let (from, before) = bounds(page);
    conn.query(
        &format!(
            "SELECT {COLUMNS} FROM directory_objects WHERE tenant_id = ?1 AND kind = ?2{condition} \
             ORDER BY {order} LIMIT ?7"
        ),
        &[Param::from(tenant.bytes()), Param::from(kind.as_str()), key, id, from, before, Param::from(limit)],
        object_of,
    )
}

/// How many objects of a kind are in the page's range; where it begins does not matter.
///
/// # Errors
/// [`StoreError`].
pub fn count(conn: &Conn<'_>, tenant: TenantId, kind: ObjectKind, page: &Page) -> Result<u64, StoreError> {
    let condition = format!("{}{}", only_known(page.column), in_range(page, 3));
    let mut values = vec![Param::from(tenant.bytes()), Param::from(kind.as_str())];
    if let Some(range) = &page.range {
        values.push(Param::from(&range.from));
        values.extend(range.before.as_ref().map(Param::from));
    }
    let counted = conn.query_one(
        &format!("SELECT count(*) FROM directory_objects WHERE tenant_id = ?1 AND kind = ?2{condition}"),
        &values,
        |row| row.int(0),
    )?;
    Ok(counted.and_then(|number| u64::try_from(number).ok()).unwrap_or_default())
}

/// What says that only objects with a value are wanted, so that the engine may use the index of those.
fn only_known(column: Column) -> &'static str {
    match column {
        Column::Login => " AND login_key IS NOT NULL",
        Column::Mail => " AND mail_key IS NOT NULL",
        Column::Id | Column::Name | Column::Created => "",
    }
}

fn in_range(page: &Page, first: u32) -> String {
    let (column, second) = (page.column.name(), first + 1);
    match &page.range {
        None => String::new(),
        Some(Range { before: None, .. }) => format!(" AND {column} >= ?{first}"),
        Some(Range { before: Some(_), .. }) => {
            format!(" AND {column} >= ?{first} AND {column} < ?{second}")
        }
    }
}

fn bounds(page: &Page) -> (Param<'_>, Param<'_>) {
    let range = page.range.as_ref();
    let bound = |text: Option<&String>| text.map_or(Param::Null, |text| Param::from(text.clone()));
    (bound(range.map(|range| &range.from)), bound(range.and_then(|range| range.before.as_ref())))
}
