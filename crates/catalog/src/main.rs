//! `catalog`: generates the table of creating calls from pinned packages. A developer's tool.

use aws_tags_catalog::models;

fn main() -> anyhow::Result<()> {
    let apis = models::apis()?;
    let operations: usize = apis.iter().map(|api| api.operations.len()).sum();
    println!("{} APIs, {operations} operations", apis.len());
    Ok(())
}
