package captchaocr.generator.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** A choice with weights. The weights need not add up to anything; an item of weight 0 is never drawn. */
public final class Weighted<T> {
    private final List<T> items = new ArrayList<>();
    private final double[] cumulative;
    private final Map<T, Double> weights;

    private Weighted(Map<T, Double> weights) {
        this.weights = weights;
        cumulative = new double[weights.size()];
        double sum = 0;
        for (Map.Entry<T, Double> entry : weights.entrySet()) {
            sum += entry.getValue();
            cumulative[items.size()] = sum;
            items.add(entry.getKey());
        }
    }

    /** {@code what} names the setting in the error message. */
    public static <T> Weighted<T> of(String what, Map<T, Double> weights) {
        double sum = 0;
        for (Map.Entry<T, Double> entry : weights.entrySet()) {
            double weight = entry.getValue();
            sum += weight;
            if (!(weight >= 0) || Double.isInfinite(sum)) {
                throw new GeneratorException(what + ": the weight of '" + entry.getKey() + "' is " + weight
                        + "; give 0 or more, with a finite sum");
            }
        }
        if (!(sum > 0)) {
            throw new GeneratorException(what + " " + weights + " has no weight above 0; give at least one");
        }
        return new Weighted<>(new LinkedHashMap<>(weights));
    }

    public static <T> Weighted<T> only(T item) {
        return new Weighted<>(Map.of(item, 1.0));
    }

    /** Reads {@code "160x60:40,180x64:20"}; an entry without a weight weighs 1. */
    public static <T> Weighted<T> parse(String what, String text, char separator, Function<String, T> reader) {
        Map<T, Double> weights = new LinkedHashMap<>();
        for (String entry : text.split(",")) {
            String trimmed = entry.trim();
            if (trimmed.isEmpty()) {
                continue;
            }
            int cut = trimmed.lastIndexOf(separator);
            String item = cut < 0 ? trimmed : trimmed.substring(0, cut).trim();
            double weight = cut < 0 ? 1 : number(what, separator, trimmed.substring(cut + 1).trim());
            weights.merge(reader.apply(item), weight, Double::sum);
        }
        return of(what, weights);
    }

    private static double number(String what, char separator, String text) {
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new GeneratorException(what + ": '" + text + "' is not a weight; write ITEM" + separator
                    + "NUMBER, more of them after commas");
        }
    }

    public T pick(Rng rng) {
        double at = rng.nextDouble() * cumulative[cumulative.length - 1];
        for (int i = 0; i < cumulative.length; i++) {
            if (at < cumulative[i]) {
                return items.get(i);
            }
        }
        throw new AssertionError("nextDouble() is below 1");
    }

    /** The items that can be drawn. */
    public List<T> items() {
        return items.stream().filter(item -> weights.get(item) > 0).toList();
    }

    public Map<T, Double> weights() {
        return Collections.unmodifiableMap(weights);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        weights.forEach((item, weight) -> text.append(text.isEmpty() ? "" : ",").append(item).append(':')
                .append(weight == Math.rint(weight) ? String.valueOf(weight.longValue()) : weight.toString()));
        return text.toString();
    }
}
