package captchaocr.generator.bench;

import captchaocr.generator.cli.CtextCommand;
import captchaocr.generator.cli.EasyCommand;
import captchaocr.generator.cli.RuoyiCommand;
import java.util.Arrays;

/** This project's side of {@link SpeedBenchmark}: the command named first, with the rest of the arguments. */
final class Ours {
    private Ours() {
    }

    public static void main(String[] args) {
        String[] rest = Arrays.copyOfRange(args, 1, args.length);
        int status = switch (args[0]) {
            case "easy" -> EasyCommand.run(rest);
            case "ctext" -> CtextCommand.run(rest);
            default -> RuoyiCommand.run(rest);
        };
        ProcessorTime.print();
        System.exit(status);
    }
}
