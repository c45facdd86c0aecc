//! `catalog`: generates the table of creating calls from pinned packages. A developer's tool.

use std::path::Path;
use std::{env, fs};

use anyhow::{Result, bail};
use aws_tags_catalog::emit;
use aws_tags_catalog::table::Catalog;

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
        _ => bail!("usage: catalog [list]"),
    }
}

fn write(catalog: &Catalog, rows: &[aws_tags_catalog::table::Row]) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::write(root.join("crates/core/src/services/generated.rs"), emit::rust(catalog, rows))?;
    Ok(())
}
