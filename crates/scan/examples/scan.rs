//! CPU seconds of unpacking a folder of trail files, and of scanning them, on one core.
//!
//! usage: scan deflate|bounds|scan FOLDER

#![expect(clippy::unwrap_used, reason = "a measurement: whatever goes wrong ends it")]

use aws_tags::backfill::relevance::Names;
use aws_tags_scan::{Filter, Found, Ids, Scanner, Shape, Unpacked, Unpacker};
use std::sync::Arc;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let mode = arguments[1].as_str();
    let files: Vec<_> = walkdir::WalkDir::new(&arguments[2])
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .filter(|entry| {
            entry.path().to_string_lossy().ends_with(".json.gz")
                && entry.path().to_string_lossy().contains("/CloudTrail/")
        })
        .map(|entry| entry.into_path())
        .collect();
    let mut unpacker = Unpacker::new(64 << 20);
    let mut scanner = Scanner::new(Arc::new(Names::of_table()), Arc::new(Filter::default()), Ids::default());
    let (mut found, mut bytes, mut records, mut kept, mut others, mut lines) =
        (Found::default(), 0, 0, 0, 0, 0);
    let began = cpu();
    let mut packed = Vec::new();
    for file in &files {
        packed.clear();
        std::io::Read::read_to_end(&mut std::fs::File::open(file).unwrap(), &mut packed).unwrap();
        let Unpacked::Text(text) = unpacker.unpack(&packed) else {
            others += 1;
            continue;
        };
        bytes += text.len();
        if mode == "deflate" {
            continue;
        }
        found.clear();
        if scanner.scan(text, &mut found) == Shape::Other {
            others += 1
        }
        records += found.records;
        kept += found.kept.len();
        lines += found.lines.len();
    }
    println!(
        "{mode}: {:.3} s CPU, {} files, {others} others, {bytes} bytes, {records} records, {kept} kept, {lines} bytes kept",
        cpu() - began,
        files.len()
    );
}
fn cpu() -> f64 {
    std::fs::read_to_string("/proc/self/schedstat")
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1e9
}
