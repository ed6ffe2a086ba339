//! The same world and the same questions for other engines, each in the form that it does best with.

mod casbin;
mod cedar;
mod rego;

use std::time::{Duration, Instant};

use crate::model::{Question, World};
use crate::{allocation, measure};

/// Each engine is asked for so long, for each of the two answers.
const PATIENCE: Duration = Duration::from_secs(3);

/// An engine with the world in it.
trait Engine: Sized {
    const NAME: &'static str;
    /// Beyond so many assignments building takes minutes or a decision a tenth of a second.
    const MOST: usize;
    type Asked;

    fn build(world: &World) -> Self;
    fn asked(&self, world: &World, question: &Question) -> Self::Asked;
    fn allows(&mut self, asked: &Self::Asked) -> bool;
}

pub fn all(size: usize, world: &World, allowed: &[Question], refused: &[Question]) {
    measured::<cedar::Cedar>(size, world, allowed, refused);
    measured::<casbin::Casbin>(size, world, allowed, refused);
    measured::<rego::Rego>(size, world, allowed, refused);
}

fn measured<E: Engine>(size: usize, world: &World, allowed: &[Question], refused: &[Question]) {
    if size > E::MOST {
        println!("{size:>9} {:<10} not tried beyond {} assignments", E::NAME, E::MOST);
        return;
    }
    let (before, start) = (allocation::in_use(), Instant::now());
    let mut engine = E::build(world);
    let bytes = allocation::in_use() - before;
    println!(
        "{size:>9} {:<10} built in {:.1?}; {bytes} bytes, {:.0} for each assignment",
        E::NAME,
        start.elapsed(),
        bytes as f64 / size as f64
    );
    for (answer, questions) in [(true, allowed), (false, refused)] {
        let asked: Vec<E::Asked> = questions.iter().take(2_000).map(|q| engine.asked(world, q)).collect();
        // As many as it answers in time, and the right answer to each.
        let started = Instant::now();
        let mut checked = 0;
        for asked in &asked {
            assert_eq!(engine.allows(asked), answer, "{} answers question {checked} otherwise", E::NAME);
            checked += 1;
            if started.elapsed() > PATIENCE && checked >= 16 {
                break;
            }
        }
        let times = measure::times(
            &asked[..checked],
            |_| (),
            |asked| {
                std::hint::black_box(engine.allows(asked));
            },
        );
        measure::print(size, E::NAME, if answer { "allow" } else { "deny" }, &times);
    }
}

fn principal(number: usize) -> String {
    format!("p{number}")
}

fn action(number: usize) -> String {
    format!("a{number}")
}

fn scope(number: usize) -> String {
    format!("s{number}")
}

fn role(number: usize) -> String {
    format!("r{number}")
}
