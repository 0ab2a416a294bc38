# Included by nginx's auto/make (see config). A warning of a later compiler must not break a
# user's build of this module; what nginx wants of its own files is nginx's.

momento_objects=`for momento_src in $momento_objects_of; do
    echo $NGX_OBJS/addon/\`basename \\\`dirname $momento_src\\\`\`/\`basename $momento_src .cpp\`.o
done`

cat << END                                                    >> $NGX_MAKEFILE

`echo $momento_objects`:	CFLAGS += -Wno-error

END
