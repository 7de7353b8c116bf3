#include <cctype>
#include <cstring>
#include <string>

std::string mail_domain(const char* address) {
    const char* at = std::strrchr(address, '@');
    if (at == nullptr) return "";
    std::string domain = at + 1;
    for (char& c : domain) c = std::tolower((unsigned char)c);
    return domain;
}
