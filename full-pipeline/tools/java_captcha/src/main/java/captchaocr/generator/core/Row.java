package captchaocr.generator.core;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonSyntaxException;

/** A line of {@code manifest.jsonl}; the component names are the keys. */
public record Row(String file, String label, String style, String kind, String font, String size, int length,
                  long seed, double difficulty, String ambiguous) {
    // Without HTML escaping: "7*3=?" stays readable, instead of 7*3\u003d?.
    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    public static Row of(String file, String style, long seed, Picture picture) {
        return new Row(file, picture.label(), style, picture.kind(), picture.font(), picture.size().toString(),
                picture.label().codePointCount(0, picture.label().length()), seed, picture.difficulty().value(),
                picture.ambiguous());
    }

    public String toJson() {
        return GSON.toJson(this);
    }

    /** Null when the line is not a whole row: the last line of a killed run. */
    public static Row parse(String line) {
        try {
            Row row = GSON.fromJson(line, Row.class);
            return row == null || row.file == null || row.label == null ? null : row;
        } catch (JsonSyntaxException e) {
            return null;
        }
    }
}
