//! Lines of the tag-handler's log about a resource.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A line of the log, and what it says of the resource.
pub(super) struct Logged {
    pub(super) line: Value,
    pub(super) resource: Value,
}

/// Those that name a resource, in the order of the files.
pub(super) fn lines_about(files: &[PathBuf], arn: &str) -> Result<Vec<Logged>, String> {
    let mut all = Vec::new();
    for path in files {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        for line in BufReader::new(File::open(path).map_err(failed)?).split(b'\n') {
            let line = line.map_err(failed)?;
            all.extend(read(path, &String::from_utf8_lossy(&line), arn)?);
        }
    }
    Ok(all)
}

/// A line, without what may stand before it, if it is about the resource.
fn read(path: &Path, line: &str, arn: &str) -> Result<Option<Logged>, String> {
    if !line.contains(arn) {
        return Ok(None);
    }
    let Some(line) = line.find('{').and_then(|at| line.get(at..)) else { return Ok(None) };
    let line: Value = serde_json::from_str(line)
        .map_err(|error| format!("{}: a line that names it is not JSON: {error}", path.display()))?;
    let resources = line.get("resources").and_then(Value::as_array);
    let found =
        resources.into_iter().flatten().find(|one| one.get("arn").and_then(Value::as_str) == Some(arn));
    let found = found.cloned();
    Ok(found.map(|resource| Logged { line, resource }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_about_this_resource_count_whatever_stands_before_them() {
        let read = |line: &str| read(Path::new("f"), line, "arn:aws:sns:r:1:a").expect("a line");
        let line = r#"{"eventID":"e","resources":[{"arn":"arn:aws:sns:r:1:ab"},{"arn":"arn:aws:sns:r:1:a","result":"tagged"}]}"#;
        for before in ["", "2026-05-04T10:00:00Z\t"] {
            let found = read(&format!("{before}{line}")).expect("this resource");
            assert_eq!(found.resource["result"], "tagged");
        }
        assert!(read(&line.replace("r:1:a\"", "r:1:b\"")).is_none());
        assert!(read("START arn:aws:sns:r:1:a").is_none());
    }
}
