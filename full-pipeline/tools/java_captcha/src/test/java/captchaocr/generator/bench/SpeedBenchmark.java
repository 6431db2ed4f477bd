package captchaocr.generator.bench;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Whole processes, start of Java included, side by side: this project's commands and {@link Straightforward}, turn by
 * turn, {@value #ROUNDS} rounds, the median of each. Run by {@code benchmark.sh [COUNT] [THREADS]}.
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
        System.out.printf("%d pictures, %s threads, Java %s, median of %d%n", count, threads, Runtime.version(), ROUNDS);
        System.out.printf("%-6s %16s %16s %7s%n", "", "ours (1/s)", "plain (1/s)", "ratio");
        for (String what : List.of("spec", "gif", "cn", "arith", "ctext", "ruoyi")) {
            benchmark.compare(what);
        }
    }

    private void compare(String what) throws IOException, InterruptedException {
        double[] ours = new double[ROUNDS];
        double[] plain = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            ours[round] = seconds(ours(what));
            plain[round] = seconds(List.of("captchaocr.generator.bench.Straightforward", what,
                    folder.resolve("set").toString(), String.valueOf(count), threads));
        }
        Arrays.sort(ours);
        Arrays.sort(plain);
        double a = count / ours[ROUNDS / 2];
        double b = count / plain[ROUNDS / 2];
        System.out.println(String.format(Locale.ROOT, "%-6s %16.0f %16.0f %7.1f", what, a, b, a / b));
    }

    private List<String> ours(String what) throws IOException {
        List<String> command = new ArrayList<>(List.of("captchaocr.generator.bench.Ours"));
        if (what.equals("ctext")) {
            command.addAll(List.of("ctext", "smart", "set", String.valueOf(count), "--sizes", "160x60", "--fixed-len", "5",
                    "--fonts", "Arial,Courier"));
        } else if (what.equals("ruoyi")) {
            command.addAll(List.of("ruoyi", "smart", "set", String.valueOf(count), "--sizes", "180x64"));
        } else {
            String fonts = what.equals("cn") ? "WenQuanYi Zen Hei" : "builtin:epilog";
            Path config = Files.writeString(folder.resolve("config.json"),
                    EASY.formatted(what, what.equals("cn") ? 4 : 5, fonts));
            command.addAll(List.of("easy", "fromjson", config.toString(), "set", String.valueOf(count)));
        }
        command.addAll(List.of("--threads", threads, "--out-root", folder.toString()));
        return command;
    }

    private double seconds(List<String> main) throws IOException, InterruptedException {
        removeSet();
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", System.getProperty("java.class.path")));
        command.addAll(main);
        long start = System.nanoTime();
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT)
                .redirectOutput(new File(folder.toFile(), "output.txt")).start();
        if (process.waitFor() != 0) {
            throw new IllegalStateException(command + " failed");
        }
        return (System.nanoTime() - start) / 1e9;
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
