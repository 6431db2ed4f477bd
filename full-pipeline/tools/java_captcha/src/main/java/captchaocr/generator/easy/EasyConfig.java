package captchaocr.generator.easy;

import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Weighted;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * A {@code config.json}. Wherever there is a choice it may be one value, a list (all alike) or an object of weights.
 *
 * @param typeMix  weights of the kinds
 * @param kinds    the settings of each kind in {@code typeMix}: its own, else the default ones
 * @param folder   where the file lies; {@code file:} names in {@code fonts} are relative to it
 */
record EasyConfig(Weighted<EasyKind> typeMix, Weighted<PictureSize> sizes, Map<EasyKind, KindSettings> kinds,
                  Path folder) {
    private static final Set<String> TOP = Set.of("type_mix", "sizes", "default", "kinds", "comment");
    private static final Set<String> SETTINGS = Set.of("len", "fonts", "arith_len", "comment");
    /** Of {@code len} and of {@code arith_len}. */
    private static final int LEAST = 2;
    private static final int MAX_LENGTH = 10;
    private static final int MAX_OPERANDS = 3;

    /** {@code fonts}: {@code builtin}, {@code builtin:NAME}, {@code file:LIST} or a family. */
    record KindSettings(Weighted<Integer> length, Weighted<Integer> operands, Map<String, Double> fonts) {
    }

    static EasyConfig read(Path path) throws IOException {
        if (!Files.isRegularFile(path)) {
            throw new GeneratorException("configuration " + path.toAbsolutePath() + " does not exist");
        }
        try {
            JsonObject json = JsonParser.parseString(Files.readString(path)).getAsJsonObject();
            return of(json, path.toAbsolutePath().getParent());
        } catch (CharacterCodingException e) {
            throw new GeneratorException(path + " is not UTF-8; save it in that encoding");
        } catch (JsonParseException | IllegalStateException e) {
            throw new GeneratorException(path + " is not a JSON object: " + GeneratorException.firstLine(e));
        } catch (GeneratorException e) {
            throw new GeneratorException(path + ": " + e.getMessage());
        }
    }

    static EasyConfig of(JsonObject json, Path folder) {
        checkKeys("at the top", json, TOP);
        Weighted<EasyKind> typeMix = Weighted.of("type_mix", weights("type_mix", json.get("type_mix"), EasyKind::byId));
        Weighted<PictureSize> sizes = Weighted.of("sizes", weights("sizes", json.get("sizes"), PictureSize::parse));
        JsonObject common = object("default", json.get("default"));
        JsonObject own = object("kinds", json.get("kinds"));
        own.keySet().forEach(EasyKind::byId);
        Map<EasyKind, KindSettings> kinds = new LinkedHashMap<>();
        for (EasyKind kind : typeMix.items()) {
            kinds.put(kind, settings(kind, common, object("kinds." + kind.id(), own.get(kind.id()))));
        }
        return new EasyConfig(typeMix, sizes, kinds, folder);
    }

    private static KindSettings settings(EasyKind kind, JsonObject common, JsonObject own) {
        checkKeys("in default", common, SETTINGS);
        checkKeys("in kinds." + kind.id(), own, SETTINGS);
        // Where a setting stands, for messages, and what it is.
        Function<String, String> place = key -> (own.has(key) ? "kinds." + kind.id() : "default") + "." + key;
        Function<String, JsonElement> setting = key -> own.has(key) ? own.get(key) : common.get(key);
        Weighted<Integer> length = numbers(place.apply("len"), setting.apply("len"), MAX_LENGTH);
        Weighted<Integer> operands = numbers(place.apply("arith_len"), setting.apply("arith_len"), MAX_OPERANDS);
        String where = place.apply("fonts");
        Weighted<String> fonts = Weighted.of(where, weights(where, setting.apply("fonts"), name -> name));
        return new KindSettings(length, operands, fonts.weights());
    }

    private static Weighted<Integer> numbers(String key, JsonElement value, int most) {
        return Weighted.of(key, weights(key, value, text -> number(key, text, most)));
    }

    private static JsonObject object(String key, JsonElement value) {
        if (value == null) {
            return new JsonObject();
        }
        if (!value.isJsonObject()) {
            throw new GeneratorException(key + " is " + value + "; write an object {...}");
        }
        return value.getAsJsonObject();
    }

    private static void checkKeys(String where, JsonObject json, Set<String> allowed) {
        for (String key : json.keySet()) {
            if (!allowed.contains(key)) {
                throw new GeneratorException("unknown key '" + key + "' " + where + "; allowed are "
                        + String.join(", ", allowed.stream().sorted().toList()));
            }
        }
    }

    private static <T> Map<T, Double> weights(String key, JsonElement value, Function<String, T> reader) {
        Map<T, Double> weights = new LinkedHashMap<>();
        if (value == null || value.isJsonNull()) {
            throw new GeneratorException(key + " is missing; give a value, a list or an object of weights");
        }
        if (value.isJsonObject()) {
            value.getAsJsonObject().entrySet().forEach(
                    entry -> weights.merge(reader.apply(entry.getKey()), weight(key, entry.getValue()), Double::sum));
        } else if (value.isJsonArray()) {
            value.getAsJsonArray().forEach(item -> weights.merge(reader.apply(text(key, item)), 1.0, Double::sum));
        } else {
            weights.put(reader.apply(text(key, value)), 1.0);
        }
        return weights;
    }

    private static String text(String key, JsonElement value) {
        if (!value.isJsonPrimitive()) {
            throw new GeneratorException(key + ": " + value + " in a list is not allowed; give a text or a number");
        }
        return value.getAsString();
    }

    private static double weight(String key, JsonElement value) {
        try {
            return value.getAsDouble();
        } catch (NumberFormatException | UnsupportedOperationException | IllegalStateException e) {
            throw new GeneratorException(key + ": " + value + " is not a weight; give a number");
        }
    }

    private static int number(String key, String text, int most) {
        try {
            int number = Integer.parseInt(text);
            if (number >= LEAST && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below, with the range.
        }
        throw new GeneratorException(key + " '" + text + "' is not allowed; give " + LEAST + " to " + most);
    }
}
