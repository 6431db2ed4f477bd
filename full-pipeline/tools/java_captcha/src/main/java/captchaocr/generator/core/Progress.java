package captchaocr.generator.core;

import java.io.PrintStream;
import java.util.Locale;

/** A line every few seconds: how many, how fast, how long still. Plain lines, which a log file keeps readable. */
final class Progress {
    private static final long EVERY_NANOS = 5_000_000_000L;

    private final PrintStream out;
    private final long first;
    private final long count;
    private final long start = System.nanoTime();
    private long last = start;

    Progress(PrintStream out, long first, long count) {
        this.out = out;
        this.first = first;
        this.count = count;
    }

    void at(long rows) {
        long now = System.nanoTime();
        if (now - last < EVERY_NANOS) {
            return;
        }
        last = now;
        double rate = rate(rows, now);
        long eta = (long) Math.ceil((count - rows) / rate);
        out.println(String.format(Locale.ROOT, "%,d of %,d (%.0f%%), %.0f pictures/s, %d:%02d:%02d left", rows, count,
                100.0 * rows / count, rate, eta / 3600, eta / 60 % 60, eta % 60));
    }

    void end() {
        long now = System.nanoTime();
        out.println(String.format(Locale.ROOT, "drawn in %.1f s", (now - start) / 1e9));
    }

    private double rate(long rows, long now) {
        return (rows - first) / ((now - start) / 1e9);
    }
}
