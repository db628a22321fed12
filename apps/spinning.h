// How OpenMP's threads wait for each other.
#pragma once

namespace uptake::apps {

/// Called first in main(): starts the program again, in the same process, with GOMP_SPINCOUNT set. Returns when
/// the user has set GOMP_SPINCOUNT or OMP_WAIT_POLICY (as it is the second time), or where it cannot be done.
///
/// GNU's OpenMP lets a waiting thread spin for 300000 turns, 10 ms or so, before it sleeps. Beside another busy
/// program that is time taken from the very thread that is waited for: 24 steps of a small network took 40 s
/// instead of 1.3 s. The library reads its variables before main(), so nothing that is set here counts until
/// the next start. 10000 turns, some 0.5 ms, are longer than the gaps between two operations.
void limit_spinning(char** argv);

}  // namespace uptake::apps
