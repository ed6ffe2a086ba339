//! How long things take.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::gatepost::{Asked, Rows};
use crate::model::{Question, World};
use crate::{allocation, gatepost};

pub const HEADER: &str = "    p50      p99      mean  (ns for one decision)";

/// Decisions in a batch of which the mean is taken.
const BATCH: usize = 32;

pub struct Times {
    pub p50: f64,
    pub p99: f64,
    pub mean: f64,
}

/// Times each question by itself for p99, with what the clock itself takes subtracted; in batches for p50, as a
/// single decision is no longer than a few readings of the clock. The texts of a batch are read just before, as
/// those of a request are; what they lead to is not.
pub fn times<Q>(questions: &[Q], mut touch: impl FnMut(&Q), mut ask: impl FnMut(&Q)) -> Times {
    let clock = clock();
    let mut means = Vec::new();
    for batch in questions.chunks_exact(BATCH.min(questions.len())) {
        batch.iter().for_each(&mut touch);
        let start = Instant::now();
        batch.iter().for_each(&mut ask);
        means.push((start.elapsed().saturating_sub(clock)).as_nanos() as f64 / batch.len() as f64);
    }
    let mut single = Vec::new();
    for question in questions {
        touch(question);
        let start = Instant::now();
        ask(question);
        single.push(start.elapsed().saturating_sub(clock).as_nanos() as f64);
    }
    let mean = means.iter().sum::<f64>() / means.len() as f64;
    Times { p50: at(&mut means, 0.5), p99: at(&mut single, 0.99), mean }
}

fn at(list: &mut [f64], part: f64) -> f64 {
    list.sort_by(f64::total_cmp);
    list[((list.len() - 1) as f64 * part) as usize]
}

/// What two readings of the clock in a row take, at the median.
fn clock() -> Duration {
    let mut taken: Vec<Duration> = (0..10_001).map(|_| Instant::now().elapsed()).collect();
    taken.sort();
    taken[taken.len() / 2]
}

pub fn print(size: usize, engine: &str, answer: &str, times: &Times) {
    let Times { p50, p99, mean } = times;
    println!("{size:>9} {engine:<10} {answer:>6} {p50:>9.0} {p99:>9.0} {mean:>9.0}");
}

pub fn gatepost(size: usize, world: &World, allowed: &[Question], refused: &[Question]) {
    // The rows go; of what was allocated for them the snapshot keeps the scopes, each once.
    let before = allocation::in_use();
    let rows = Rows::of(world);
    let start = Instant::now();
    let snapshot = rows.build(world);
    let built = start.elapsed();
    drop(rows);
    let bytes = allocation::in_use() - before;
    println!(
        "{size:>9} gatepost   built in {built:.1?}; {bytes} bytes, {:.0} for each assignment",
        bytes as f64 / size as f64
    );
    for (answer, questions) in [(true, allowed), (false, refused)] {
        let asked: Vec<Asked> = questions.iter().map(|question| Asked::of(world, question)).collect();
        let made = allocation::made();
        for asked in &asked {
            assert_eq!(
                asked.put_to(&snapshot),
                answer,
                "{} {} {}",
                asked.principal,
                asked.action,
                asked.scope
            );
        }
        assert_eq!(allocation::made(), made, "a decision allocates");
        let touch = |asked: &Asked| {
            black_box(asked.scope.key().bytes().fold(0, u8::wrapping_add));
            black_box(asked.action.bytes().fold(0, u8::wrapping_add));
        };
        let times = times(&asked, touch, |asked| {
            black_box(asked.put_to(black_box(&snapshot)));
        });
        print(size, "gatepost", if answer { "allow" } else { "deny" }, &times);
    }
    changes(size, world, &snapshot);
}

/// One change while others still look at the snapshot: a clone, the change, and a decision on the clone.
fn changes(size: usize, world: &World, snapshot: &gatepost_rbac::Snapshot) {
    let mut taken = Vec::new();
    let mut keep = snapshot.clone();
    for number in 0..200 {
        let assignment =
            &world.assignments[number * (world.assignments.len() / 200).max(1) % world.assignments.len()];
        let scope = gatepost_names::Scope::parse(&world.scopes[assignment.scope].text).unwrap();
        let changed = gatepost_rbac::Assignment {
            name: gatepost_names::RoleAssignmentName(crate::model::guid(number as u64, 9)),
            principal: gatepost::principal(assignment.principal),
            role: gatepost::role_id(0),
            scope: std::sync::Arc::new(scope.clone()),
            condition: None,
            starts: None,
            ends: None,
        };
        let asked = Asked { principal: changed.principal, action: "A.B/c/read".to_owned(), scope };
        let start = Instant::now();
        let mut next = keep.clone();
        next.put(&changed);
        assert!(asked.put_to(&next));
        let _old = std::mem::replace(&mut keep, next);
        taken.push(start.elapsed());
    }
    taken.sort();
    println!("{size:>9} gatepost   one change, visible: p50 {:.0?}, most {:.0?}", taken[100], taken[199]);
}

/// Nothing but decisions, for a profiler.
pub fn profile(size: usize) {
    let world = World::new(size);
    let mut random = crate::model::Random::new(3);
    let snapshot = Rows::of(&world).build(&world);
    let rounds: usize = std::env::var("ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number"));
    let answer = std::env::var("ANSWER").is_ok_and(|answer| answer == "allow");
    let questions = world.questions(2_000, answer, &mut random);
    let asked: Vec<Asked> = questions.iter().map(|question| Asked::of(&world, question)).collect();
    let groups: usize = questions.iter().map(|q| world.with_groups(q.principal).len()).sum();
    println!("principals in a question: {}", groups as f64 / questions.len() as f64);
    decisions(&snapshot, &asked, rounds);
}

#[inline(never)]
fn decisions(snapshot: &gatepost_rbac::Snapshot, asked: &[Asked], rounds: usize) {
    let start = on_processor();
    for _ in 0..rounds {
        for asked in asked {
            black_box(asked.put_to(black_box(snapshot)));
        }
    }
    println!("{:.0} ns", (on_processor() - start) as f64 / (rounds * asked.len()) as f64);
}

/// Nanoseconds that this thread has had a processor.
fn on_processor() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}
