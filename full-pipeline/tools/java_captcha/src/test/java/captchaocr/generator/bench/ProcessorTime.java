package captchaocr.generator.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** The processor time of a whole process, compilation and garbage collection included, as its last line of output. */
final class ProcessorTime {
    private static final String PREFIX = "cpu seconds ";

    private ProcessorTime() {
    }

    static void print() {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        System.out.println(PREFIX + system.getProcessCpuTime() / 1e9);
    }

    static double read(String line) {
        if (!line.startsWith(PREFIX)) {
            throw new IllegalStateException("the process ended with '" + line + "'");
        }
        return Double.parseDouble(line.substring(PREFIX.length()));
    }
}
