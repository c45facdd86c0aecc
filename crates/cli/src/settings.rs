//! `aws-tags settings`: the settings of the tag-handler, and what is wrong with those that are set.

use std::io::{self, Write};

use aws_tags::Settings;
use aws_tags::settings::{SETTINGS, Setting};
use clap::Args;
use serde_json::json;

use crate::console::{End, bad_input, visible, write_json};

#[derive(Args)]
pub(crate) struct Options {
    /// One JSON object per setting.
    #[arg(long)]
    json: bool,
}

/// Lists the settings with their values, and reports which are wrong.
pub(crate) fn run(options: &Options, out: &mut impl Write) -> io::Result<End> {
    for Setting { name, default, allowed, effect } in SETTINGS {
        let value = std::env::var_os(name);
        let value = value.map_or_else(|| (*default).to_owned(), |value| value.to_string_lossy().into_owned());
        if options.json {
            let line = json!({"name": name, "value": value, "default": default, "allowed": allowed, "effect": effect});
            write_json(out, &line)?;
        } else {
            writeln!(out, "{name}={}\n    {effect}\n    Allowed: {allowed}.", visible(value))?;
        }
    }
    match Settings::read(|name| std::env::var_os(name)) {
        Ok(_) => Ok(End::Done),
        Err(wrong) => Ok(bad_input(&wrong.to_string())),
    }
}
