//! `catalog`: generates the table of creating calls from pinned packages. A developer's tool.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Result, bail, ensure};
use aws_tags_catalog::table::Catalog;
use aws_tags_catalog::{coverage, emit};

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
        ["check"] => {
            let path = table_file();
            ensure!(
                fs::read_to_string(&path)? == emit::rust(&catalog, &rows),
                "{} is not what the packages give",
                path.display()
            );
            Ok(())
        }
        _ => bail!("usage: catalog [list | check | coverage]"),
    }
}

fn write(catalog: &Catalog, rows: &[aws_tags_catalog::table::Row]) -> Result<()> {
    fs::write(table_file(), emit::rust(catalog, rows))?;
    Ok(())
}

fn table_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/services/generated.rs")
}
