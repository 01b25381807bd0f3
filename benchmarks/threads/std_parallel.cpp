// thrum/benchmarks/threads/std_parallel.cpp: yard, benchmarks
// The same as thrum_parallel on std::thread and std::mutex. The standard library has no executor.
#include <thrum/benchmarks/threads/report.hpp>

#include <mutex>
#include <thread>

int main() { report_contended_lock<std::mutex, std::thread>(); }
