package captchaocr.generator.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * Whole processes, start of Java included, side by side: this project's commands and {@link Straightforward}, turn by
 * turn, the median of {@value #ROUNDS} rounds each. On a machine with other work the ratio by processor time is the one
 * to trust. Run by {@code benchmark.sh [COUNT] [THREADS] [STYLE,...]}; styles joined by {@code +} are one row, one
 * command after the other.
 */
public final class SpeedBenchmark {
    private static final int ROUNDS = 3;
    private static final String EASY = """
            {"type_mix": "%s", "sizes": "160x60",
             "default": {"len": %d, "arith_len": 2, "fonts": "%s"}}""";

    private final int count;
    private final String threads;
    private final Path folder;

    private SpeedBenchmark(int count, String threads, Path folder) {
        this.count = count;
        this.threads = threads;
        this.folder = folder;
    }

    public static void main(String[] args) throws Exception {
        int count = args.length > 0 ? Integer.parseInt(args[0]) : 4000;
        String threads = args.length > 1 ? args[1] : String.valueOf(Runtime.getRuntime().availableProcessors());
        SpeedBenchmark benchmark = new SpeedBenchmark(count, threads, Files.createTempDirectory("bench"));
        String styles = args.length > 2 ? args[2] : "spec,gif,cn,arith,ctext,ruoyi,spec+ctext+ruoyi";
        System.out.printf("%d pictures of a style, %s threads, Java %s, median of %d; pictures a second%n", count,
                threads, Runtime.version(), ROUNDS);
        System.out.printf("%-18s%10s%10s%8s%14s%10s%8s%n", "", "ours", "plain", "ratio", "CPU: ours", "plain", "ratio");
        for (String what : styles.split(",")) {
            benchmark.compare(what);
        }
    }

    /** Both in seconds. */
    private record Cost(double wall, double cpu) {
        Cost plus(Cost other) {
            return new Cost(wall + other.wall, cpu + other.cpu);
        }
    }

    private void compare(String what) throws IOException, InterruptedException {
        List<String> styles = List.of(what.split("\\+"));
        List<Cost> ours = new ArrayList<>();
        List<Cost> plain = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
            Cost own = new Cost(0, 0);
            Cost other = own;
            for (String style : styles) {
                own = own.plus(cost(ours(style)));
                other = other.plus(cost(List.of("captchaocr.generator.bench.Straightforward", style,
                        folder.resolve("set").toString(), String.valueOf(count), threads)));
            }
            ours.add(own);
            plain.add(other);
        }
        int pictures = count * styles.size();
        double a = pictures / median(ours, Cost::wall);
        double b = pictures / median(plain, Cost::wall);
        double c = pictures / median(ours, Cost::cpu);
        double d = pictures / median(plain, Cost::cpu);
        System.out.println(String.format(Locale.ROOT, "%-18s%10.0f%10.0f%8.1f%14.0f%10.0f%8.1f", what, a, b, a / b, c,
                d, c / d));
    }

    private static double median(List<Cost> costs, ToDoubleFunction<Cost> seconds) {
        return costs.stream().mapToDouble(seconds).sorted().toArray()[ROUNDS / 2];
    }

    private List<String> ours(String what) throws IOException {
        List<String> command = new ArrayList<>(List.of("captchaocr.generator.bench.Ours"));
        if (what.equals("ctext")) {
            command.addAll(List.of("ctext", "smart", "set", String.valueOf(count), "--sizes", "160x60",
                    "--fixed-len", "5", "--fonts", "Arial,Courier"));
        } else if (what.equals("ruoyi")) {
            command.addAll(List.of("ruoyi", "smart", "set", String.valueOf(count), "--sizes", "180x64"));
        } else {
            String fonts = what.equals("cn") ? "WenQuanYi Zen Hei" : "builtin:epilog";
            Path config = Files.writeString(folder.resolve("config.json"),
                    EASY.formatted(what, what.equals("cn") ? 4 : 5, fonts));
            command.addAll(List.of("easy", "fromjson", config.toString(), "set", String.valueOf(count), "--font-dir",
                    "EasyCaptcha/lib/fonts"));
        }
        command.addAll(List.of("--threads", threads, "--out-root", folder.toString()));
        return command;
    }

    private Cost cost(List<String> main) throws IOException, InterruptedException {
        removeSet();
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path")));
        command.addAll(main);
        Path output = folder.resolve("output.txt");
        long start = System.nanoTime();
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile()).start();
        int status = process.waitFor();
        double wall = (System.nanoTime() - start) / 1e9;
        List<String> said = Files.readAllLines(output);
        if (status != 0) {
            throw new IllegalStateException(command + " failed: " + said);
        }
        return new Cost(wall, ProcessorTime.read(said.get(said.size() - 1)));
    }

    private void removeSet() throws IOException {
        Path set = folder.resolve("set");
        if (Files.exists(set)) {
            try (Stream<Path> paths = Files.walk(set)) {
                for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
    }
}
