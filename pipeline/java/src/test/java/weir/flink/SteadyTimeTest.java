package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SteadyTimeTest {
    private long clockMs = 1_000_000;
    private final SteadyTime time = new SteadyTime(() -> clockMs);

    private long at(long nowMs) {
        clockMs = nowMs;
        return time.now();
    }

    @Test
    void itIsTheClocksTimeWhileThatGoesOn() {
        assertEquals(1_000_000, at(1_000_000));
        assertEquals(1_000_020, at(1_000_020));
    }

    @Test
    void itGoesOnWhenTheClockIsSetBackAsOftenAsThatHappens() {
        assertEquals(1_000_000, at(1_000_000));
        assertEquals(1_000_000, at(400));
        assertEquals(1_000_020, at(420));
        assertEquals(1_000_020, at(0));
        assertEquals(1_000_025, at(5));
    }
}
