//! What it costs to find the rows of a call, in the whole table. Prints the mean of every call and
//! of unknown calls.

use std::hint::black_box;
use std::time::Instant;

use aws_tags::table::{all, rows};

/// Times that all calls are looked up.
const ROUNDS: u32 = 200;

fn main() {
    let mut calls: Vec<(String, &str)> = all()
        .flat_map(|service| {
            let source = format!("{}.amazonaws.com", service.name);
            service.rows.iter().map(move |row| (source.clone(), row.event_name))
        })
        .collect();
    calls.dedup();
    let unknown: Vec<(String, &str)> =
        calls.iter().map(|(source, _)| (source.clone(), "DescribeNothing")).collect();
    for (what, calls) in [("a known call", &calls), ("an unknown call", &unknown)] {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            for (source, call) in calls {
                black_box(rows(black_box(source), black_box(call)));
            }
        }
        let each = start.elapsed().as_nanos() as f64 / f64::from(ROUNDS) / calls.len() as f64;
        println!("lookup of {what}, mean of {}: {each:.1} ns", calls.len());
    }
}
