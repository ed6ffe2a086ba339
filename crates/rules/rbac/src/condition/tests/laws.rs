//! The evaluator against a naive one, and the laws that it must keep.

use proptest::prelude::*;

use super::Request;
use crate::condition::{Attribute, Condition, Source, Truth, Value};

const ACTION: &str = "A.B/c/read";
const NAMES: [&str; 3] = ["N.S/t:a", "N.S/t:b", "c"];
const TEXT_OPERATORS: [&str; 5] =
    ["Equals", "NotEquals", "EqualsIgnoreCase", "StartsWith", "NotStartsWithIgnoreCase"];
const SET_OPERATORS: [&str; 3] = ["Equals", "NotEquals", "NotEqualsIgnoreCase"];
const RELATIONS: [&str; 6] =
    ["Equals", "NotEquals", "GreaterThan", "GreaterThanEquals", "LessThan", "LessThanEquals"];
const QUANTIFIERS: [&str; 2] = ["Any", "All"];

/// A condition before it is written down.
#[derive(Clone, Debug)]
enum Tree {
    Action(bool),
    Exists(usize),
    Text(usize, usize, String),
    Set { attribute: usize, of_left: usize, of_right: usize, operator: usize, values: Vec<String> },
    Number(usize, usize, i64),
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
}

/// What an attribute may be.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Absent,
    Unknown,
    Number(i64),
    Texts(Vec<String>),
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "x", "X", "y", "xy"]).prop_map(str::to_owned)
}

fn tree(exists: bool) -> impl Strategy<Value = Tree> {
    let attribute = || 0..NAMES.len();
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(Tree::Action),
        1 => attribute().prop_map(move |n| if exists { Tree::Exists(n) } else { Tree::Action(true) }),
        4 => (attribute(), 0..TEXT_OPERATORS.len(), word()).prop_map(|(a, o, w)| Tree::Text(a, o, w)),
        3 => (attribute(), 0..2usize, 0..2usize, 0..SET_OPERATORS.len(), prop::collection::vec(word(), 1..4))
            .prop_map(|(attribute, of_left, of_right, operator, values)| {
                Tree::Set { attribute, of_left, of_right, operator, values }
            }),
        2 => (attribute(), 0..RELATIONS.len(), -1..3i64).prop_map(|(a, r, n)| Tree::Number(a, r, n)),
    ];
    leaf.prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|tree| Tree::Not(Box::new(tree))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Tree::And),
            prop::collection::vec(inner, 2..4).prop_map(Tree::Or),
        ]
    })
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Absent),
        Just(State::Unknown),
        (-1..3i64).prop_map(State::Number),
        prop::collection::vec(word(), 0..3).prop_map(State::Texts),
    ]
}

fn states() -> impl Strategy<Value = Vec<State>> {
    prop::collection::vec(state(), NAMES.len())
}

/// Writes a tree down, in one of several styles.
fn write(tree: &Tree, style: u8) -> String {
    let symbols = style & 1 == 1;
    let case = |word: &str| if style & 2 == 0 { word.to_uppercase() } else { word.to_lowercase() };
    let space = if style & 4 == 0 { " " } else { "\n\t" };
    let attribute = |n: &usize| {
        let name = if style & 8 == 0 { NAMES[*n].to_owned() } else { NAMES[*n].to_uppercase() };
        format!("@{}[{name}]", case("Request"))
    };
    let quote = |word: &String| format!("'{word}'");
    let join = |parts: &[Tree], word: &str, symbol: &str| {
        let parts: Vec<String> = parts.iter().map(|part| format!("({})", write(part, style))).collect();
        let with = if symbols { symbol.to_owned() } else { case(word) };
        parts.join(&format!("{space}{with}{space}"))
    };
    match tree {
        Tree::Action(true) => "ActionMatches{'A.B/*'}".to_owned(),
        Tree::Action(false) => "ActionMatches{'A.B/c/write'}".to_owned(),
        Tree::Exists(n) => format!("{} {}", case("Exists"), attribute(n)),
        Tree::Text(n, o, word) => {
            format!(
                "{} {}{space}{}",
                attribute(n),
                case(&format!("String{}", TEXT_OPERATORS[*o])),
                quote(word)
            )
        }
        Tree::Set { attribute: n, of_left, of_right, operator, values } => {
            let operator = format!(
                "For{}Of{}Values:String{}",
                QUANTIFIERS[*of_left], QUANTIFIERS[*of_right], SET_OPERATORS[*operator]
            );
            let values: Vec<String> = values.iter().map(quote).collect();
            format!("{}{space}{}{{{}}}", attribute(n), case(&operator), values.join(","))
        }
        Tree::Number(n, r, number) => {
            format!("{} {} {number}", attribute(n), case(&format!("Numeric{}", RELATIONS[*r])))
        }
        Tree::Not(inner) => format!("{}({})", if symbols { "!" } else { "not" }, write(inner, style)),
        Tree::And(parts) => join(parts, "AND", "&&"),
        Tree::Or(parts) => join(parts, "OR", "||"),
    }
}

/// The rules, as plainly as they can be put; no attribute is unknown here.
fn naive(tree: &Tree, states: &[State]) -> Option<bool> {
    match tree {
        Tree::Action(matches) => Some(*matches),
        Tree::Exists(n) => Some(states[*n] != State::Absent),
        Tree::Text(n, o, word) => match &states[*n] {
            State::Texts(texts) if texts.len() == 1 => Some(text(&texts[0], TEXT_OPERATORS[*o], word)),
            _ => None,
        },
        Tree::Set { attribute, of_left, of_right, operator, values } => {
            let State::Texts(texts) = &states[*attribute] else { return None };
            let right = |left: &String| {
                let mut each = values.iter().map(|value| text(left, SET_OPERATORS[*operator], value));
                if *of_right == 0 { each.any(|b| b) } else { each.all(|b| b) }
            };
            match (texts.is_empty(), of_left) {
                (true, _) => None,
                (_, 0) => Some(texts.iter().any(right)),
                _ => Some(texts.iter().all(right)),
            }
        }
        Tree::Number(n, r, number) => match states[*n] {
            State::Number(value) => Some(match RELATIONS[*r] {
                "Equals" => value == *number,
                "NotEquals" => value != *number,
                "GreaterThan" => value > *number,
                "GreaterThanEquals" => value >= *number,
                "LessThan" => value < *number,
                _ => value <= *number,
            }),
            _ => None,
        },
        Tree::Not(inner) => naive(inner, states).map(|answer| !answer),
        Tree::And(parts) => {
            let answers: Vec<_> = parts.iter().map(|part| naive(part, states)).collect();
            if answers.contains(&Some(false)) { Some(false) } else { all_answered(&answers, true) }
        }
        Tree::Or(parts) => {
            let answers: Vec<_> = parts.iter().map(|part| naive(part, states)).collect();
            if answers.contains(&Some(true)) { Some(true) } else { all_answered(&answers, false) }
        }
    }
}

fn all_answered(answers: &[Option<bool>], answer: bool) -> Option<bool> {
    if answers.contains(&None) { None } else { Some(answer) }
}

fn text(left: &str, operator: &str, right: &str) -> bool {
    let (lower_left, lower_right) = (left.to_lowercase(), right.to_lowercase());
    match operator {
        "Equals" => left == right,
        "NotEquals" => left != right,
        "EqualsIgnoreCase" => lower_left == lower_right,
        "NotEqualsIgnoreCase" => lower_left != lower_right,
        "StartsWith" => left.starts_with(right),
        _ => !lower_left.starts_with(&lower_right),
    }
}

fn evaluate(condition: &Condition, states: &[State]) -> Truth {
    let texts: Vec<Vec<&str>> = states
        .iter()
        .map(|state| match state {
            State::Texts(texts) => texts.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        })
        .collect();
    let known = |n: usize| match &states[n] {
        State::Absent => Attribute::Absent,
        State::Unknown => Attribute::Unknown,
        State::Number(number) => Attribute::Known(Value::Number(*number)),
        State::Texts(_) if texts[n].len() == 1 => Attribute::Known(Value::Text(texts[n][0])),
        State::Texts(_) => Attribute::Known(Value::Texts(&texts[n])),
    };
    let request = Request((0..NAMES.len()).map(|n| (Source::Request, NAMES[n], known(n))).collect());
    condition.evaluate(ACTION, &request)
}

fn read(tree: &Tree, style: u8) -> Option<Condition> {
    let text = write(tree, style);
    match Condition::parse(&text) {
        Ok(condition) => Some(condition),
        Err(error) if error.message.contains("at most") => None,
        Err(error) => panic!("{error}\n{text}"),
    }
}

proptest! {
    #[test]
    fn with_all_known_it_is_the_naive_rule(tree in tree(true), mut states in states(), style in 0..16u8) {
        for state in &mut states {
            if *state == State::Unknown {
                *state = State::Absent;
            }
        }
        let Some(condition) = read(&tree, style) else { return Ok(()) };
        let expected = if naive(&tree, &states) == Some(true) { Truth::True } else { Truth::False };
        prop_assert_eq!(evaluate(&condition, &states), expected, "{}", condition);
    }

    /// Whatever an unknown attribute turns out to be, a decided answer stays.
    #[test]
    fn a_decided_answer_is_final(tree in tree(true), states in states(), later in states()) {
        let Some(condition) = read(&tree, 0) else { return Ok(()) };
        let first = evaluate(&condition, &states);
        let settled: Vec<State> = states
            .iter()
            .zip(&later)
            .map(|(state, later)| if *state == State::Unknown { later.clone() } else { state.clone() })
            .collect();
        if first != Truth::Unknown {
            prop_assert_eq!(evaluate(&condition, &settled), first, "{}", condition);
        }
    }

    /// Without `Exists`, taking an attribute away never makes a condition true.
    #[test]
    fn a_missing_attribute_never_grants(tree in tree(false), states in states(), gone in 0..NAMES.len()) {
        let Some(condition) = read(&tree, 0) else { return Ok(()) };
        let before = evaluate(&condition, &states);
        let mut without = states;
        without[gone] = State::Absent;
        if before == Truth::False {
            prop_assert_eq!(evaluate(&condition, &without), Truth::False, "{}", condition);
        }
        if evaluate(&condition, &without) == Truth::True {
            prop_assert_eq!(before, Truth::True, "{}", condition);
        }
    }

    #[test]
    fn the_way_of_writing_does_not_matter(tree in tree(true), states in states(), style in 0..16u8) {
        let (Some(one), Some(other)) = (read(&tree, 0), read(&tree, style)) else { return Ok(()) };
        prop_assert_eq!(evaluate(&one, &states), evaluate(&other, &states));
        let again = Condition::parse(one.text()).unwrap();
        prop_assert_eq!(&again, &one);
        prop_assert_eq!(one.trace(ACTION, &Request(Vec::new())).len(),
            other.trace(ACTION, &Request(Vec::new())).len());
    }
}
