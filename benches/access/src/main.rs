//! Decisions of gatepost-rbac beside those of other engines, at 100 to 1,000,000 role assignments.
//!
//! `cargo run --release -- [SIZE...]`. docs/access-performance.md says how to read the figures.

mod allocation;
mod gatepost;
mod measure;
mod model;
#[cfg(feature = "peers")]
mod peers;

use model::{Random, World};

#[global_allocator]
static COUNTING: allocation::Counting = allocation::Counting;

fn main() {
    if let Ok(size) = std::env::var("PROFILE") {
        return measure::profile(size.parse().expect("a size"));
    }
    let sizes: Vec<usize> = std::env::args().skip(1).map(|size| size.parse().expect("a size")).collect();
    let sizes = if sizes.is_empty() { vec![100, 1_000, 10_000, 100_000, 1_000_000] } else { sizes };
    println!("{:>9} {:<10} {:>6} {}", "assigned", "engine", "answer", measure::HEADER);
    for size in sizes {
        let world = World::new(size);
        let mut random = Random::new(size as u64 + 1);
        // More than fit into a cache with all that they lead to, so that no question finds its answer warm.
        let count = (size / 10).clamp(2_000, 100_000);
        let allowed = world.questions(count, true, &mut random);
        let refused = world.questions(count, false, &mut random);
        measure::gatepost(size, &world, &allowed, &refused);
        #[cfg(feature = "peers")]
        peers::all(size, &world, &allowed, &refused);
    }
}
