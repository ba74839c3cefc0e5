package weir.flink;

import java.util.function.LongSupplier;

/** Milliseconds that never go back, though the machine's clock does: who waits until a time of it waits no longer than meant. */
final class SteadyTime {
    private final LongSupplier clock;
    private long lastMs = Long.MIN_VALUE;
    private long lostMs;

    SteadyTime(LongSupplier clock) {
        this.clock = clock;
    }

    /** Now; the time between two calls is lost where the clock went back between them. */
    long now() {
        long clockMs = clock.getAsLong();
        if (clockMs < lastMs) {
            lostMs += lastMs - clockMs;
        }
        lastMs = clockMs;
        return clockMs + lostMs;
    }
}
