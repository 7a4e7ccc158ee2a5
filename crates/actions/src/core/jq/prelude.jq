# Definitions of jq that the evaluator lacks, or has in another way.

def debug: .;
def debug(message): .;

# Conversion
def tonumber: if isnumber then . else (if isstring then fromjson else error("cannot be read as a number") end) | if isnumber then . else error("cannot be read as a number") end end;
def toboolean: if isboolean then . else (if isstring then fromjson else error("cannot be read as a truth") end) | if isboolean then . else error("cannot be read as a truth") end end;
def toarray: if isarray then . else [.] end;
def todate: todateiso8601;
def todate($format): strftime($format);
def date: todate;

# Lists
def transpose: [range([.[] | length] | max // 0) as $i | [.[][$i]]];
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def index($i): indices($i) | if . == null then null else .[0] end;
def rindex($i): indices($i) | if . == null then null else .[-1] end;
def IN(s): any(s == .; .);
def IN(source; s): any(source == s; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] = $row);
def INDEX(f): INDEX(.[]; f);

# Maps
def from_entries: reduce .[] as $entry ({};
  . + { ($entry | if .key == null then .k // .name // .Name // .K // .Key else .key end
         | if isstring then . else tojson end):
        ($entry | if has("value") then .value elif has("v") then .v else .Value end) });
def with_entries(f): to_entries | map(f) | from_entries;

# Paths
def leaf_paths: paths(scalars);

# Texts
def trimstr($x): ltrimstr($x) | rtrimstr($x);
def ascii: [.] | implode;

# Formats
def @json: tojson;
def @csv: [.[] | if isstring then "\"" + gsub("\""; "\"\"") + "\""
  elif . == null then ""
  elif isnumber or isboolean then tostring
  else error("a list or a map cannot be a value of CSV") end] | join(",");
def @tsv: [.[] | if isstring then gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r")
  elif . == null then ""
  elif isnumber or isboolean then tostring
  else error("a list or a map cannot be a value of TSV") end] | join("\t");
