//! `catalog`: generates the table of creating calls from pinned packages. A developer's tool.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Result, bail, ensure};
use aws_tags_catalog::table::{Catalog, Row};
use aws_tags_catalog::{coverage, emit, requests};

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let catalog = Catalog::read()?;
    let rows = catalog.rows();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => write(&catalog, &rows),
        ["list"] => {
            for row in catalog.all_rows() {
                let format = row.formats.first().map_or("-", String::as_str);
                println!(
                    "{}\t{}\t{}\t{format}\t{:?}\t{}\t{}\t{}\t{}",
                    row.source,
                    row.call,
                    row.kind,
                    row.because,
                    row.registered.as_deref().unwrap_or("-"),
                    row.upsert,
                    row.from.0,
                    row.places.join(" | ")
                );
            }
            Ok(())
        }
        ["coverage"] => {
            let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("COVERAGE.md");
            fs::write(page, coverage::page(&catalog, &catalog.all_rows()))?;
            Ok(())
        }
        ["requests"] => {
            requests::print();
            Ok(())
        }
        ["check"] => {
            for (file, text) in generated(&catalog, &rows) {
                let path = folder().join(file);
                ensure!(
                    fs::read_to_string(&path)? == text,
                    "{} is not what the packages give",
                    path.display()
                );
            }
            Ok(())
        }
        _ => bail!("usage: catalog [list | check | coverage | requests]"),
    }
}

/// The generated files and what they hold.
fn generated(catalog: &Catalog, rows: &[Row]) -> [(&'static str, String); 2] {
    [("generated.rs", emit::rust(catalog, rows)), ("tag_operations.rs", emit::operations(rows))]
}

fn write(catalog: &Catalog, rows: &[Row]) -> Result<()> {
    for (file, text) in generated(catalog, rows) {
        fs::write(folder().join(file), text)?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/services")
}
