package captchaocr.generator.core;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Counts over the manifest, read line by line, so that a resumed run reports the whole set. */
final class Summary {
    private final Style style;
    private final long seed;
    private final Map<String, Map<String, Long>> counts = new LinkedHashMap<>();
    private long rows;
    private long ambiguous;

    private Summary(Style style, long seed) {
        this.style = style;
        this.seed = seed;
        for (String key : new String[] {"kind", "size", "length", "font"}) {
            counts.put(key, new TreeMap<>());
        }
    }

    static Summary of(Path manifest, Style style, long seed) throws IOException {
        Summary summary = new Summary(style, seed);
        OutputSet.readManifest(manifest, summary::add);
        return summary;
    }

    private void add(Row row) {
        rows++;
        ambiguous += row.ambiguous().isEmpty() ? 0 : 1;
        count("kind", row.kind());
        count("size", row.size());
        count("length", String.valueOf(row.length()));
        count("font", row.font());
    }

    private void count(String key, String value) {
        counts.get(key).merge(value, 1L, Long::sum);
    }

    JsonObject toJson(double seconds, long drawn, int threads) {
        JsonObject json = new JsonObject();
        json.addProperty("style", style.name());
        json.addProperty("pictures", rows);
        json.addProperty("seed", seed);
        json.addProperty("with_ambiguous_characters", ambiguous);
        counts.forEach((key, values) -> {
            JsonObject table = new JsonObject();
            values.forEach(table::addProperty);
            json.add("by_" + key, table);
        });
        json.add("notes", style.notes());
        json.addProperty("java", System.getProperty("java.vm.name") + " " + Runtime.version());
        json.addProperty("threads", threads);
        json.addProperty("seconds", Math.round(seconds * 10) / 10.0);
        json.addProperty("pictures_per_second", Math.round(drawn / seconds));
        return json;
    }

    String toTable() {
        StringBuilder text = new StringBuilder();
        text.append(style.name()).append(": ").append(rows).append(" pictures, seed ").append(seed).append('\n');
        counts.forEach((key, values) -> {
            if (key.equals("font")) {
                text.append("  fonts  ").append(values.size()).append(" used, see summary.json\n");
                return;
            }
            values.forEach((value, n) -> text.append(String.format(Locale.ROOT, "  %-6s %-28s %8d  %5.1f%%%n", key,
                    value, n, 100.0 * n / rows)));
        });
        style.notes().entrySet().forEach(note -> text.append("  note   ").append(note.getKey()).append(": ")
                .append(note.getValue()).append('\n'));
        return text.toString();
    }
}
