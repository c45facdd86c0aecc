"""Athena over a trail on disk: reads the table's definition and the queries that `aws-tags backfill --athena-sql` prints, and writes the
rows of each where it says. sqlglot reads Athena's SQL and writes DuckDB's, which runs it.

Records become rows as Hive's JSON SerDe makes them: keys in any case, structures in columns that are declared as texts as their JSON, and
what is not declared is lost.

usage: athena.py SQL TRAIL OUT
"""
import glob
import gzip
import json
import os
import re
import sys

import duckdb
import sqlglot
from sqlglot import exp


def main(sql, trail, out):
    with open(sql, encoding="utf-8") as file:
        statements = [text for text in re.split(r";\n", file.read()) if text.strip()]
    definition, *queries = statements
    # sqlglot knows neither formats of Hive nor properties, which do not say what a row is.
    table = sqlglot.parse_one(re.sub(r"(?s)\nROW FORMAT SERDE.*", "", definition), read="athena")
    properties = dict(re.findall(r"'([a-z.]+)'='([^']*)'", definition))
    columns = {column.name: column.args["kind"] for column in table.find_all(exp.ColumnDef) if column.parent is table.this}
    partitions = {column.name for column in table.find(exp.PartitionedByProperty).find_all(exp.ColumnDef)}
    columns = {name: kind for name, kind in columns.items() if name not in partitions}
    assert partitions == {"account", "region", "day"}, partitions
    rows = [row for path, keys in files(trail, properties) for row in rows_of(path, keys, columns)]
    name = table.this.this.name
    database = duckdb.connect()
    source = os.path.join(out, "table.jsonl")
    os.makedirs(out, exist_ok=True)
    with open(source, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    types = {column: kind.sql("duckdb") for column, kind in columns.items()} | dict.fromkeys(partitions, "TEXT")
    database.execute(f"CREATE TABLE {name} AS SELECT * FROM read_json('{source}', columns={types}, format='newline_delimited')")
    for query in queries:
        inner, to = re.fullmatch(r"(?s)\s*UNLOAD \(\n(.*)\)\nTO 's3://([^']*)' WITH \(format = 'JSON', compression = 'gzip'\)\s*", query).groups()
        folder = os.path.join(out, to)
        os.makedirs(folder)
        select = sqlglot.transpile(inner, read="athena", write="duckdb")[0]
        database.execute(f"COPY ({select}) TO '{folder}/rows.json.gz' (FORMAT json, COMPRESSION gzip)")
    print(f"{len(rows)} records, {len(queries)} queries")


def files(trail, properties):
    """The files of the trail's partitions, with the values that their path has for these."""
    template = properties["storage.location.template"].removeprefix("s3://")
    pattern = re.escape(template)
    for name, value in (("account", r"\d{12}"), ("region", "[a-z0-9-]+"), ("day", r"\d{4}/\d\d/\d\d")):
        pattern = pattern.replace(re.escape(f"${{{name}}}"), f"(?P<{name}>{value})")
    first, last = properties["projection.day.range"].split(",")
    for path in sorted(glob.glob(os.path.join(trail, "**", "*.json.gz"), recursive=True)):
        found = re.fullmatch(pattern + "/[^/]+", os.path.relpath(path, trail))
        if (found and found["account"] in properties["projection.account.values"].split(",")
                and found["region"] in properties["projection.region.values"].split(",") and first <= found["day"] <= last):
            yield path, found.groupdict()


def rows_of(path, keys, columns):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        records = json.load(file)["Records"]
    for record in records:
        yield {**{name: cell(kind, member(record, name)) for name, kind in columns.items()}, **keys}


def member(value, name):
    return next((inner for key, inner in value.items() if key.lower() == name), None)


def cell(kind, value):
    """A value as a column of that type has it."""
    if value is None:
        return None
    if kind.is_type(exp.DataType.Type.STRUCT):
        fields = {field.name: field.args["kind"] for field in kind.expressions}
        return {name: cell(inner, member(value, name)) for name, inner in fields.items()} if isinstance(value, dict) else None
    if kind.is_type(exp.DataType.Type.ARRAY):
        return [cell(kind.expressions[0], one) for one in value] if isinstance(value, list) else None
    if kind.is_type(exp.DataType.Type.MAP):
        return value
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    main(*sys.argv[1:])
